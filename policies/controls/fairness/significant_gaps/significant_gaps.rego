# METADATA
# title: No large difference between groups is more than chance
# description: |-
#   With many groups and rates some differ by luck. A difference is a finding if it is significant after correction for
#   the number of comparisons and larger than the tier allows: differences in recall, specificity and ROC AUC above
#   `maximum`, the ratio of favourable rates below `minimum_ratio`. What was not tested is no evidence of equality.
#   It judges evaluations of two classes.
# custom:
#   id: FAI-005
#   severity: high
#   remediation: >-
#     Treat the difference as real: look at the errors of the disadvantaged group, find the inputs that stand in for the
#     attribute, and mend the model or restrict its use; more rows will only make the finding surer.
#   waivable: true
#   needs: [evaluations]
#   parameters:
#     significance: {type: number, description: "Adjusted p-value below which a difference is no chance, 0 to 1"}
#     maximum: {type: number, description: "Most significant difference in recall, specificity or ROC AUC, 0 to 1"}
#     minimum_ratio: {type: number, description: "Least significant ratio of the lowest to the highest favourable rate"}
#     required: {type: boolean, description: Whether comparisons that were not tested fail; else they are not judged}
#   frameworks: [us-eeoc:1607.4.D, eu-ai-act:Art.10, nist-ai-rmf:MEASURE-2.11]
package modelgate.controls.fairness.significant_gaps

import data.modelgate.lib.measured
import data.modelgate.lib.metric

differences := {"recall_difference", "specificity_difference", "roc_auc_difference"}

protected contains [evaluation.name, slice.column] if {
	some evaluation in input.evaluations
	some slice in evaluation.slices
	slice.protected
}

tested contains {"evaluation": evaluation.name, "comparison": comparison} if {
	some evaluation in input.evaluations
	measured.of_two_classes(evaluation)
	some comparison in evaluation.comparisons
	is_number(comparison.adjusted_p_value)
}

not_applicable contains "no evaluation is of two classes (FAI-006 judges other tasks)" if {
	measured.none_of_two_classes(input.evaluations)
}

not_applicable contains "no protected attribute is evaluated (FAI-001 asks for it where people are concerned)" if {
	count(input.evaluations) > 0
	count(protected) == 0
}

not_applicable contains "no comparison between groups was tested for significance" if {
	not data.parameters.required
	count(input.evaluations) > 0
	count(tested) == 0
}

violation contains finding if {
	data.parameters.required
	some evaluation in input.evaluations
	measured.of_two_classes(evaluation)
	some slice in evaluation.slices
	slice.protected
	some wanted in differences | {"impact_ratio"}
	not [evaluation.name, slice.column, wanted] in {[test.evaluation, test.comparison.column, test.comparison.comparison] |
		some test in tested
	}
	finding := {
		"subject": sprintf("evaluation/%s/%s", [evaluation.name, slice.column]),
		"message": sprintf("%s was not tested for significance", [replace(wanted, "_", " ")]),
		"observed": null,
		"expected": "an adjusted p-value",
	}
}

violation contains finding if {
	some test in tested
	not metric.usable(test.comparison)
	finding := {
		"subject": sprintf("evaluation/%s/%s", [test.evaluation, test.comparison.column]),
		"message": sprintf("%s was tested and has no value", [replace(test.comparison.comparison, "_", " ")]),
		"observed": null,
		"expected": "a value",
	}
}

violation contains finding if {
	some test in tested
	metric.usable(test.comparison)
	test.comparison.adjusted_p_value < data.parameters.significance
	bound := exceeded(test.comparison)
	finding := {
		"subject": sprintf("evaluation/%s/%s", [test.evaluation, test.comparison.column]),
		"message": sprintf(
			"%s is %.4f, between `%v` and `%v`, with an adjusted p-value of %.4f",
			[
				replace(test.comparison.comparison, "_", " "), test.comparison.value,
				test.comparison.lowest_group, test.comparison.highest_group, test.comparison.adjusted_p_value,
			],
		),
		"observed": test.comparison.value,
		"expected": bound,
	}
}

# The bound that a comparison is beyond; undefined if it is not.
exceeded(comparison) := data.parameters.maximum if {
	comparison.comparison in differences
	comparison.value > data.parameters.maximum
}

exceeded(comparison) := data.parameters.minimum_ratio if {
	comparison.comparison == "impact_ratio"
	comparison.value < data.parameters.minimum_ratio
}
