# METADATA
# title: No group gets the favourable outcome much less often
# description: |-
#   For each protected attribute the lowest group's rate of favourable predictions is at least so many
#   times the highest group's: 0.8 is the four-fifths rule. It is a sign that asks for an explanation,
#   not a proof of discrimination; whether it blocks follows the jurisdiction and is the tier's word.
#   It judges evaluations of two classes.
# custom:
#   id: FAI-002
#   severity: high
#   remediation: Find the inputs that stand in for the attribute, try other thresholds or a model without them, and document why a remaining difference is justified.
#   waivable: true
#   needs: [evaluations]
#   parameters:
#     minimum: {type: number, description: Least ratio of the lowest to the highest favourable rate}
#   frameworks: [us-eeoc:1607.4.D, eu-ai-act:Art.10, nist-ai-rmf:MEASURE-2.11]
package modelgate.controls.fairness.impact_ratio

import data.modelgate.lib.measured
import data.modelgate.lib.metric

not_applicable contains "no evaluation is of two classes (FAI-006 judges other tasks)" if {
	measured.none_of_two_classes(input.evaluations)
}

not_applicable contains "no protected attribute is evaluated (FAI-001 asks for it where people are concerned)" if {
	count(protected) == 0
}

protected := {[evaluation.name, slice.column] |
	some evaluation in input.evaluations
	some slice in evaluation.slices
	slice.protected
}

violation contains finding if {
	some evaluation in input.evaluations
	measured.of_two_classes(evaluation)
	some comparison in evaluation.comparisons
	comparison.comparison == "impact_ratio"
	metric.usable(comparison)
	comparison.value < data.parameters.minimum
	finding := {
		"subject": sprintf("evaluation/%s/%s", [evaluation.name, comparison.column]),
		"message": sprintf("the favourable rate of `%s` is %.2f times that of `%s`", [comparison.lowest_group, comparison.value, comparison.highest_group]),
		"observed": comparison.value,
		"expected": data.parameters.minimum,
	}
}

violation contains finding if {
	some [name, column] in protected
	some evaluation in input.evaluations
	measured.of_two_classes(evaluation)
	evaluation.name == name
	compared := {comparison.column |
		some comparison in evaluation.comparisons
		comparison.comparison == "impact_ratio"
		metric.usable(comparison)
	}
	not column in compared
	reasons := {comparison.reason |
		some comparison in evaluation.comparisons
		comparison.comparison == "impact_ratio"
		comparison.column == column
	}
	finding := {
		"subject": sprintf("evaluation/%s/%s", [name, column]),
		"message": sprintf("the groups cannot be compared: %s", [concat("; ", reasons)]),
		"observed": null,
		"expected": data.parameters.minimum,
	}
}
