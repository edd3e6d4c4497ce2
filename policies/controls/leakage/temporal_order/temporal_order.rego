# METADATA
# title: Rows that should be later than the training data are
# description: |-
#   A split by time shows how the model does on what it has not lived through. Where an evaluation declares one, none of
#   its rows comes before the end of the reference, embargo included. Other splits are not judged.
# custom:
#   id: LEA-004
#   severity: high
#   remediation: >-
#     Split at one day: train on what is before it, leave an embargo as long as outcomes need to mature, and evaluate on
#     what comes after; or declare the split as what it is.
#   waivable: true
#   needs: [evaluations]
#   parameters:
#     required: {type: boolean, description: Whether such an evaluation fails if not compared; else it is not judged}
#   frameworks: [eu-ai-act:Art.10, nist-ai-rmf:MEASURE-2.3]
package modelgate.controls.leakage.temporal_order

import data.modelgate.lib.measured

temporal := [evaluation |
	some evaluation in input.evaluations
	evaluation.holdout.split == "temporal"
]

not_applicable contains "no evaluation declares a split by time" if {
	count(input.evaluations) > 0
	count(temporal) == 0
}

not_applicable contains "the rows were not compared with the end of the training data" if {
	not data.parameters.required
	measured.nowhere(temporal, "leakage")
}

violation contains finding if {
	data.parameters.required
	some finding in measured.missing(
		temporal, "leakage",
		"the rows were not compared with the end of the training data", "a comparison",
	)
}

violation contains finding if {
	some evaluation in temporal
	is_object(evaluation.leakage)
	name := "the share of rows before the end of the reference"
	some problem in measured.above(evaluation.leakage, "before_reference", 0, "estimate", name)
	finding := object.union(problem, {"subject": sprintf("evaluation/%s", [evaluation.name])})
}
