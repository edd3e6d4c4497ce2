# METADATA
# title: The new version is not worse than the one in use
# description: |-
#   A release may be no improvement, but no step back either. For each of the tier's metrics the difference to the
#   version in use, over the same rows, is at its unfavourable end within the margin (non-inferiority). Of other tasks
#   than that of two classes it is the main metric; a mean absolute error has a margin in parts of itself. A metric that
#   was not compared, or has no interval, is a finding.
# custom:
#   id: VAL-010
#   severity: high
#   remediation: >-
#     Score all rows of the evaluation, and no others, with the version in use as well; if the new one is worse, keep the old one or improve
#     it, and if only the interval is too wide, compare on more rows.
#   waivable: true
#   needs: [evaluations, change]
#   parameters:
#     metrics: {type: array, description: "Metrics of two classes that are compared, such as roc_auc and brier"}
#     margin: {type: number, description: "Most by which each may be worse, in the metric's own unit"}
#     relative_margin: {type: number, description: "Most by which a mean absolute error may be worse, in parts of it"}
#     maximum_beyond: {type: number, description: "Most share of a champion's own file that the rows leave out, 0 to 1"}
#     required: {type: boolean, description: Whether an evaluation without it fails; else it is not judged}
#   frameworks: [eu-ai-act:Annex-IV.6, nist-ai-rmf:MEASURE-2.3, sr-26-2:outcomes-analysis]
package modelgate.controls.validation.champion_comparison

import data.modelgate.lib.measured
import data.modelgate.lib.metric

not_applicable contains "a first release replaces nothing" if input.change.kind == "initial"

not_applicable contains "the rows were not scored by the version in use" if {
	not data.parameters.required
	measured.nowhere(input.evaluations, "champion")
}

violation contains finding if {
	data.parameters.required
	some finding in measured.missing(
		input.evaluations, "champion",
		"the rows were not scored by the version in use", "a comparison with the version in use",
	)
}

violation contains finding if {
	some evaluation in input.evaluations
	is_object(evaluation.champion)
	not evaluation.champion.version == input.change.champion_version
	finding := {
		"subject": sprintf("evaluation/%s", [evaluation.name]),
		"message": "the version compared with is not the one in use",
		"observed": object.get(evaluation.champion, "version", null),
		"expected": object.get(input.change, "champion_version", null),
	}
}

# Cases that the version in use has judged and the new one has not may be those that it gets wrong.
violation contains finding if {
	some evaluation in input.evaluations
	beyond := evaluation.champion.rows_beyond
	is_number(beyond)
	share := beyond / ((beyond + evaluation.champion.rows) + evaluation.champion.rows_without)
	share > data.parameters.maximum_beyond
	finding := {
		"subject": sprintf("evaluation/%s", [evaluation.name]),
		"message": sprintf("%d cases that the version in use has judged are not among the rows", [beyond]),
		"observed": share,
		"expected": data.parameters.maximum_beyond,
	}
}

violation contains finding if {
	some evaluation in input.evaluations
	some wanted in judged(evaluation)
	some difference in compared(evaluation, wanted)
	limit := tolerated(evaluation, wanted)
	loss(difference) > limit.loss
	finding := object.union(verdict(wanted, difference, limit), {
		"subject": sprintf("evaluation/%s", [evaluation.name]),
		"observed": loss(difference),
		"expected": limit.loss,
	})
}

violation contains finding if {
	some evaluation in input.evaluations
	is_object(evaluation.champion)
	some wanted in judged(evaluation)
	not is_judged(evaluation, wanted)
	finding := {
		"subject": sprintf("evaluation/%s", [evaluation.name]),
		"message": sprintf("%s was not compared with that of the version in use", [wanted]),
		"observed": null,
		"expected": "a paired difference with an interval",
	}
}

# It is worse if the favourable end of the interval says so, too; else more rows may show which it is.
verdict(wanted, difference, limit) := {"message": sprintf(
	"%s is worse than that of the version in use by more than %s: by up to %.4f",
	[wanted, limit.shown, loss(difference)],
)} if {
	not in_doubt(difference, limit.loss)
}

verdict(wanted, difference, limit) := {"inconclusive": true, "message": sprintf(
	"%s may be worse than that of the version in use by %.4f, more than %s; the other end of the interval is within it",
	[wanted, loss(difference), limit.shown],
)} if {
	in_doubt(difference, limit.loss)
}

in_doubt(difference, most) if {
	least := least_loss(difference)
	is_number(least)
	least <= most
}

# The metrics that count. What has no task, or one that nobody knows, has those of two classes.
judged(evaluation) := data.parameters.metrics if measured.of_two_classes(evaluation)

judged(evaluation) := [measured.main_metrics[evaluation.task]]

# By how much a metric may be worse; undefined where that would be a part of something without a value.
tolerated(evaluation, "mean_absolute_error") := {
	"loss": data.parameters.relative_margin * error.value,
	"shown": sprintf("%v of its %.4f", [data.parameters.relative_margin, error.value]),
} if {
	error := evaluation.metrics.mean_absolute_error
	metric.usable(error)
}

tolerated(_, wanted) := {"loss": data.parameters.margin, "shown": sprintf("%v", [data.parameters.margin])} if {
	wanted != "mean_absolute_error"
}

is_judged(evaluation, wanted) if {
	some difference in compared(evaluation, wanted)
	is_number(loss(difference))
	is_number(tolerated(evaluation, wanted).loss)
}

compared(evaluation, wanted) := [difference |
	some difference in measured.items(evaluation.champion, "differences")
	difference.metric == wanted
]

# By how much the new version is worse at least: the favourable end of the interval.
least_loss(compared_metric) := 0 - compared_metric.difference.interval.high if {
	is_number(compared_metric.difference.interval.high)
	compared_metric.higher_is_better == true
}

least_loss(compared_metric) := compared_metric.difference.interval.low if {
	compared_metric.higher_is_better == false
}

# By how much the new version may be worse: the unfavourable end of the interval.
loss(compared_metric) := 0 - compared_metric.difference.interval.low if {
	compared_metric.higher_is_better == true
	metric.usable(compared_metric.difference)
	is_number(compared_metric.difference.interval.low)
}

loss(compared_metric) := compared_metric.difference.interval.high if {
	compared_metric.higher_is_better == false
	metric.usable(compared_metric.difference)
	is_number(compared_metric.difference.interval.high)
}
