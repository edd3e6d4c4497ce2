# METADATA
# title: No group bears much larger errors where there are not two classes
# description: |-
#   For each protected attribute the groups are compared with the one that is served best, by the task's main metric. The
#   mean absolute error of numbers and forecasts is at most so many times as large; the gain of a ranking and the share
#   of right classes or labels are at most so much lower. Groups with fewer cases than the tier asks are not compared;
#   FAI-007 names them. Evaluations of two classes are judged by FAI-002, FAI-003 and FAI-005.
# custom:
#   id: FAI-006
#   severity: medium
#   remediation: >-
#     Look at the cases of the group with the larger errors; more data of it, or inputs that work for it, usually help.
#     Otherwise restrict the intended use. If groups cannot be compared, evaluate on more cases of them.
#   waivable: true
#   needs: [evaluations]
#   parameters:
#     maximum_ratio: {type: number, description: "Most times the mean absolute error of the best group, 1 or more"}
#     maximum_gap: {type: number, description: "Most by which ndcg, accuracy or micro F1 are below the best group's"}
#     minimum_cases: {type: integer, description: "Least rows, or queries of a ranking, of a group to be compared"}
#   frameworks: [eu-ai-act:Art.10, nist-ai-rmf:MEASURE-2.11]
package modelgate.controls.fairness.group_error_gaps

import data.modelgate.lib.measured
import data.modelgate.lib.metric

# Metrics of which less is better, and that have no range of their own.
errors := {"mean_absolute_error"}

not_applicable contains "every evaluation is of two classes (FAI-002, FAI-003 and FAI-005 judge them)" if {
	measured.none_of_task(input.evaluations, object.keys(measured.main_metrics))
}

not_applicable contains "no protected attribute is evaluated (FAI-001 asks for it where people are concerned)" if {
	count({slice.column | some evaluation in input.evaluations; some slice in evaluation.slices; slice.protected}) == 0
}

# The values of the column's groups that have enough cases.
compared(evaluation, column, wanted) := [measure.value |
	some slice in evaluation.slices
	slice.column == column
	measure := slice.metrics[wanted]
	comparable(measure)
]

comparable(measure) if {
	metric.usable(measure)
	measure.n >= data.parameters.minimum_cases
}

violation contains finding if {
	some evaluation in input.evaluations
	wanted := measured.main_metrics[evaluation.task]
	wanted in errors
	some slice in evaluation.slices
	slice.protected
	comparable(slice.metrics[wanted])
	value := slice.metrics[wanted].value
	best := min(compared(evaluation, slice.column, wanted))
	most := best * data.parameters.maximum_ratio
	value > most
	finding := {
		"subject": subject(evaluation, slice),
		"message": sprintf(
			"%s is %.4f, more than %v times the %.4f of the group with the least",
			[wanted, value, data.parameters.maximum_ratio, best],
		),
		"observed": value,
		"expected": most,
	}
}

violation contains finding if {
	some evaluation in input.evaluations
	wanted := measured.main_metrics[evaluation.task]
	not wanted in errors
	some slice in evaluation.slices
	slice.protected
	comparable(slice.metrics[wanted])
	value := slice.metrics[wanted].value
	best := max(compared(evaluation, slice.column, wanted))
	best - value > data.parameters.maximum_gap
	finding := {
		"subject": subject(evaluation, slice),
		"message": sprintf(
			"%s is %.4f, more than %v below the %.4f of the group with the most",
			[wanted, value, data.parameters.maximum_gap, best],
		),
		"observed": value,
		"expected": best - data.parameters.maximum_gap,
	}
}

violation contains finding if {
	some evaluation in input.evaluations
	wanted := measured.main_metrics[evaluation.task]
	some slice in evaluation.slices
	slice.protected
	not metric.usable(slice.metrics[wanted])
	finding := {
		"subject": subject(evaluation, slice),
		"message": sprintf("%s has no value: %s", [wanted, measured.reason(slice.metrics, wanted)]),
		"observed": null,
		"expected": "a value",
	}
}

violation contains finding if {
	some evaluation in input.evaluations
	wanted := measured.main_metrics[evaluation.task]
	some slice in evaluation.slices
	slice.protected
	groups := count(compared(evaluation, slice.column, wanted))
	groups < 2
	finding := {
		"subject": sprintf("evaluation/%s/%s", [evaluation.name, slice.column]),
		"message": sprintf(
			"the groups cannot be compared: %d of them has %d cases or more",
			[groups, data.parameters.minimum_cases],
		),
		"observed": groups,
		"expected": "at least two groups",
	}
}

subject(evaluation, slice) := sprintf("evaluation/%s/slice/%s=%s", [evaluation.name, slice.column, slice.value])
