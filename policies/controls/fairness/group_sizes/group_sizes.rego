# METADATA
# title: Groups are large enough to be compared
# description: |-
#   A rate over a handful of people says nothing about their group. What counts is the denominator: cases
#   of each class in each protected group. Rows without a value of the attribute are a bounded share.
#   It judges evaluations of two classes.
# custom:
#   id: FAI-004
#   severity: medium
#   remediation: Evaluate on more cases of the small groups, or join groups where that makes sense; fill in missing attributes at their source.
#   waivable: true
#   needs: [evaluations]
#   parameters:
#     minimum_positives: {type: integer, description: Least positive cases in each group}
#     minimum_negatives: {type: integer, description: Least negative cases in each group}
#     maximum_missing_share: {type: number, description: "Most share of rows without a value of the attribute, 0 to 1"}
#   frameworks: [eu-ai-act:Art.10, nist-ai-rmf:MEASURE-2.11]
package modelgate.controls.fairness.group_sizes

import data.modelgate.lib.measured

not_applicable contains "no evaluation is of two classes (FAI-007 counts the cases of other tasks)" if {
	measured.none_of_two_classes(input.evaluations)
}

not_applicable contains "no protected attribute is evaluated (FAI-001 asks for it where people are concerned)" if {
	count({slice.column | some evaluation in input.evaluations; some slice in evaluation.slices; slice.protected}) == 0
}

violation contains finding if {
	some evaluation in input.evaluations
	measured.of_two_classes(evaluation)
	some slice in evaluation.slices
	slice.protected
	not slice.missing
	some class, rows in measured.rows_of_classes(slice.metrics)
	least := {"positive": data.parameters.minimum_positives, "negative": data.parameters.minimum_negatives}[class]
	rows < least
	finding := {
		"subject": sprintf("evaluation/%s/slice/%s=%s", [evaluation.name, slice.column, slice.value]),
		"message": sprintf("the group has %d %s cases", [rows, class]),
		"observed": rows,
		"expected": least,
	}
}

violation contains finding if {
	some evaluation in input.evaluations
	measured.of_two_classes(evaluation)
	some slice in evaluation.slices
	slice.protected
	not slice.missing
	not measured.rows_of_classes(slice.metrics)
	finding := {
		"subject": sprintf("evaluation/%s/slice/%s=%s", [evaluation.name, slice.column, slice.value]),
		"message": "the cases of the group could not be counted",
		"observed": null,
		"expected": data.parameters.minimum_positives,
	}
}

violation contains finding if {
	some evaluation in input.evaluations
	measured.of_two_classes(evaluation)
	some slice in evaluation.slices
	slice.protected
	slice.missing
	share := slice.rows / evaluation.rows.total
	share > data.parameters.maximum_missing_share
	finding := {
		"subject": sprintf("evaluation/%s/slice/%s", [evaluation.name, slice.column]),
		"message": sprintf("%d of %d rows have no value", [slice.rows, evaluation.rows.total]),
		"observed": share,
		"expected": data.parameters.maximum_missing_share,
	}
}
