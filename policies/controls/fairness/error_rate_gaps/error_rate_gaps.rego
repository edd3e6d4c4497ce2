# METADATA
# title: Errors fall on groups alike
# description: |-
#   For each protected attribute the differences between groups in recall and in specificity stay below
#   their ceiling (equalised odds). Groups for which a rate has no value cannot be compared, which is a finding.
#   It judges evaluations of two classes.
# custom:
#   id: FAI-003
#   severity: medium
#   remediation: Look at the errors of the disadvantaged group; more data of it or a recalibration by group may help, where the law allows it.
#   waivable: true
#   needs: [evaluations]
#   parameters:
#     maximum: {type: number, description: Most difference between two groups in either rate}
#   frameworks: [eu-ai-act:Art.10, nist-ai-rmf:MEASURE-2.11]
package modelgate.controls.fairness.error_rate_gaps

import data.modelgate.lib.measured
import data.modelgate.lib.metric

judged := {"recall_difference", "specificity_difference"}

not_applicable contains "no evaluation is of two classes (FAI-006 judges other tasks)" if {
	measured.none_of_two_classes(input.evaluations)
}

not_applicable contains "no protected attribute is evaluated (FAI-001 asks for it where people are concerned)" if {
	count({slice.column | some evaluation in input.evaluations; some slice in evaluation.slices; slice.protected}) == 0
}

violation contains finding if {
	some evaluation in input.evaluations
	measured.of_two_classes(evaluation)
	some comparison in evaluation.comparisons
	comparison.comparison in judged
	metric.usable(comparison)
	comparison.value > data.parameters.maximum
	finding := {
		"subject": sprintf("evaluation/%s/%s", [evaluation.name, comparison.column]),
		"message": sprintf("%s is %.4f, between `%s` and `%s`", [replace(comparison.comparison, "_", " "), comparison.value, comparison.lowest_group, comparison.highest_group]),
		"observed": comparison.value,
		"expected": data.parameters.maximum,
	}
}

violation contains finding if {
	some evaluation in input.evaluations
	measured.of_two_classes(evaluation)
	some slice in evaluation.slices
	slice.protected
	some wanted in judged
	compared := {comparison.column |
		some comparison in evaluation.comparisons
		comparison.comparison == wanted
		metric.usable(comparison)
	}
	not slice.column in compared
	finding := {
		"subject": sprintf("evaluation/%s/%s", [evaluation.name, slice.column]),
		"message": sprintf("%s cannot be computed", [replace(wanted, "_", " ")]),
		"observed": null,
		"expected": data.parameters.maximum,
	}
}
