# METADATA
# title: Predicted intervals hold what they promise
# description: |-
#   Of intervals that are to hold nine in ten actual values about nine in ten do: fewer make the model look surer than
#   it is, and more make the intervals useless. The share is as near to the declared level (`interval_level`) as the tier
#   asks. With the basis `confidence-bound` both ends of its 95 % interval must be.
# custom:
#   id: VAL-014
#   severity: medium
#   remediation: >-
#     Declare `columns.lower`, `columns.upper` and `interval_level`; widen or narrow the intervals on rows that are neither for training
#     nor for evaluation (conformal prediction does), or evaluate on more rows if the share's interval is too wide.
#   waivable: true
#   needs: [evaluations]
#   parameters:
#     most_below: {type: number, description: "Most by which the share inside the interval is below the level, 0 to 1"}
#     most_above: {type: number, description: "Most by which it is above the level, 0 to 1"}
#     basis: {type: string, description: "What is compared: `estimate` or `confidence-bound`"}
#     required: {type: boolean, description: Whether predictions without intervals fail; else they are not judged}
#   frameworks: [eu-ai-act:Art.15, nist-ai-rmf:MEASURE-2.5, sr-26-2:outcomes-analysis]
package modelgate.controls.validation.interval_coverage

import data.modelgate.lib.measured
import data.modelgate.lib.metric

numeric := {"regression", "forecasting"}

# One end without the other is no interval, which the metric says.
declares_an_interval(evaluation) if measured.stated(evaluation.columns.lower)

declares_an_interval(evaluation) if measured.stated(evaluation.columns.upper)

with_intervals := [evaluation |
	some evaluation in input.evaluations
	measured.of_task(evaluation, numeric)
	declares_an_interval(evaluation)
]

not_applicable contains "no evaluation predicts numbers" if measured.none_of_task(input.evaluations, numeric)

not_applicable contains "no intervals are predicted" if {
	not data.parameters.required
	not measured.none_of_task(input.evaluations, numeric)
	count(with_intervals) == 0
}

violation contains finding if {
	data.parameters.required
	some evaluation in input.evaluations
	measured.of_task(evaluation, numeric)
	not declares_an_interval(evaluation)
	finding := {
		"subject": sprintf("evaluation/%s", [evaluation.name]),
		"message": "no predicted intervals are declared: how sure the predictions are is not known",
		"observed": null,
		"expected": "columns under `columns.lower` and `columns.upper`",
	}
}

violation contains finding if {
	some evaluation in with_intervals
	not is_number(evaluation.interval_level)
	finding := {
		"subject": sprintf("evaluation/%s", [evaluation.name]),
		"message": "it is not declared how much of what happens the predicted intervals are to hold",
		"observed": null,
		"expected": "`interval_level`, such as 0.9",
	}
}

violation contains finding if {
	some evaluation in with_intervals
	is_number(evaluation.interval_level)
	minimum := evaluation.interval_level - data.parameters.most_below
	some problem in metric.below(evaluation.metrics, "interval_coverage", minimum, data.parameters.basis)
	finding := object.union(problem, {"subject": sprintf("evaluation/%s", [evaluation.name])})
}

violation contains finding if {
	some evaluation in with_intervals
	is_number(evaluation.interval_level)
	maximum := evaluation.interval_level + data.parameters.most_above
	some problem in metric.above(evaluation.metrics, "interval_coverage", maximum, data.parameters.basis)

	# What has no value was said once.
	problem.observed > maximum
	finding := object.union(problem, {"subject": sprintf("evaluation/%s", [evaluation.name])})
}
