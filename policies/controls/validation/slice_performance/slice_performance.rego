# METADATA
# title: No subgroup is served much worse
# description: |-
#   The ROC AUC of every subgroup with at least `minimum_rows` rows is at most `maximum_gap` below that of
#   all rows. A subgroup of that size without a ROC AUC counts as a finding. It judges
#   evaluations of two classes.
# custom:
#   id: VAL-006
#   severity: medium
#   remediation: Look at the subgroup's cases; more data of it, or features that work for it, usually help. Otherwise restrict the intended use.
#   waivable: true
#   needs: [evaluations]
#   parameters:
#     maximum_gap: {type: number, description: Most that a subgroup's ROC AUC may be below the overall one}
#     minimum_rows: {type: integer, description: Least rows of a subgroup for it to be judged}
#   frameworks: [eu-ai-act:Art.15, nist-ai-rmf:MEASURE-2.3, nist-ai-rmf:MEASURE-2.11]
package modelgate.controls.validation.slice_performance

import data.modelgate.lib.measured
import data.modelgate.lib.metric

not_applicable contains "no evaluation is of two classes (FAI-006 judges protected groups of other tasks)" if {
	measured.none_of_two_classes(input.evaluations)
}

violation contains finding if {
	some evaluation in input.evaluations
	measured.of_two_classes(evaluation)
	overall := evaluation.metrics.roc_auc
	metric.usable(overall)
	some slice in evaluation.slices
	slice.rows >= data.parameters.minimum_rows
	area := slice.metrics.roc_auc
	metric.usable(area)
	overall.value - area.value > data.parameters.maximum_gap
	finding := {
		"subject": subject(evaluation, slice),
		"message": sprintf("roc_auc is %.4f, and %.4f over all rows", [area.value, overall.value]),
		"observed": area.value,
		"expected": overall.value - data.parameters.maximum_gap,
	}
}

violation contains finding if {
	some evaluation in input.evaluations
	measured.of_two_classes(evaluation)
	some slice in evaluation.slices
	slice.rows >= data.parameters.minimum_rows
	not metric.usable(slice.metrics.roc_auc)
	finding := {
		"subject": subject(evaluation, slice),
		"message": sprintf("roc_auc has no value: %v", [slice.metrics.roc_auc.reason]),
		"observed": null,
		"expected": "a value",
	}
}

violation contains finding if {
	some evaluation in input.evaluations
	measured.of_two_classes(evaluation)
	not metric.usable(evaluation.metrics.roc_auc)
	finding := {
		"subject": sprintf("evaluation/%s", [evaluation.name]),
		"message": "roc_auc has no value to compare subgroups with",
		"observed": null,
		"expected": "a value",
	}
}

subject(evaluation, slice) := sprintf("evaluation/%s/slice/%s=%s", [evaluation.name, slice.column, slice.value])
