# METADATA
# title: No column has moved away from the training data
# description: |-
#   A model is evaluated for the population that it was trained on; where inputs have moved, its numbers are those of
#   another one. The population stability index of each column, with edges frozen in the reference, is at most the
#   tier's ceiling. A column without one, or no column at all, is a finding.
# custom:
#   id: DRI-001
#   severity: medium
#   remediation: >-
#     Find out why the column has moved (another source, coding or population); train on data like that of use, or
#     restrict the intended use to the population that was evaluated.
#   waivable: true
#   needs: [evaluations]
#   parameters:
#     maximum: {type: number, description: "Most population stability index of a column; 0.1 is little, 0.25 is much"}
#     required: {type: boolean, description: Whether an evaluation that was not compared fails; else it is not judged}
#   frameworks: [eu-ai-act:Art.10, nist-ai-rmf:MEASURE-2.3, sr-26-2:outcomes-analysis]
package modelgate.controls.drift.columns

import data.modelgate.lib.measured

not_applicable contains "the columns were not compared with those of the training data" if {
	not data.parameters.required
	measured.nowhere(input.evaluations, "drift")
}

violation contains finding if {
	data.parameters.required
	some finding in measured.missing(
		input.evaluations, "drift",
		"the columns were not compared with those of the training data", "a comparison",
	)
}

violation contains finding if {
	some evaluation in input.evaluations
	is_object(evaluation.drift)
	count(measured.items(evaluation.drift, "columns")) == 0
	finding := {
		"subject": sprintf("evaluation/%s", [evaluation.name]),
		"message": "no column is also in the reference",
		"observed": 0,
		"expected": "at least one column",
	}
}

violation contains finding if {
	some evaluation in input.evaluations
	some column in measured.items(evaluation.drift, "columns")
	name := "the population stability index"
	some problem in measured.above(column, "population_stability_index", data.parameters.maximum, "estimate", name)
	finding := object.union(problem, {"subject": sprintf("evaluation/%s/%s", [evaluation.name, column.column])})
}
