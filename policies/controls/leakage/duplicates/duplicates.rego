# METADATA
# title: Rows do not repeat or contradict each other
# description: |-
#   A row that is there twice counts twice, and two rows that are alike with different labels say that the inputs or
#   the labels are wrong. Both shares of the evaluation's rows are at most the tier's.
# custom:
#   id: LEA-002
#   severity: medium
#   remediation: >-
#     Find out where the repeated and contradicting rows come from (a join that multiplies, a label of another day) and
#     write the evaluation data again.
#   waivable: true
#   needs: [evaluations]
#   parameters:
#     maximum_share: {type: number, description: "Most share of rows that repeat or contradict another, 0 to 1"}
#     required: {type: boolean, description: Whether an evaluation that was not searched fails; else it is not judged}
#   frameworks: [eu-ai-act:Art.10, iso-42001:A.7.4]
package modelgate.controls.leakage.duplicates

import data.modelgate.lib.measured

shares := {
	"duplicate_rows": "the share of rows that repeat another",
	"conflicting_labels": "the share of rows whose like has another label",
}

not_applicable contains "the rows were not searched for duplicates and contradictions" if {
	not data.parameters.required
	measured.nowhere(input.evaluations, "leakage")
}

violation contains finding if {
	data.parameters.required
	some finding in measured.missing(
		input.evaluations, "leakage",
		"the rows were not searched for duplicates and contradictions", "a search",
	)
}

violation contains finding if {
	some evaluation in input.evaluations
	is_object(evaluation.leakage)
	some id, name in shares
	not has_no_classes(evaluation, id)
	some problem in measured.above(evaluation.leakage, id, data.parameters.maximum_share, "estimate", name)
	finding := object.union(problem, {"subject": sprintf("evaluation/%s", [evaluation.name])})
}

# What is known to be numbers, or several labels a row, cannot contradict a class.
has_no_classes(evaluation, "conflicting_labels") if {
	evaluation.task in {"regression", "forecasting", "ranking", "multilabel-classification"}
}
