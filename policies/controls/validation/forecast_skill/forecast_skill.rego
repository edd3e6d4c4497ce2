# METADATA
# title: A forecast is not worse than the seasonal naive one
# description: |-
#   To say that next time will be like the same season last time costs nothing. The mean absolute scaled error, in which
#   1 is the error of that forecast in the history of the series, is at most the tier's ceiling. With the basis
#   `confidence-bound` the upper end of its 95 % interval must be. It can only be computed where a scale is declared.
# custom:
#   id: VAL-013
#   severity: high
#   remediation: >-
#     Declare under `columns.scale` the mean absolute error of the seasonal naive forecast in each series' history, one
#     value above 0 in a series. If the forecast is worse than that, use the naive one, or improve the model; evaluate
#     on more series if the interval is what is too wide.
#   waivable: true
#   needs: [evaluations]
#   parameters:
#     maximum: {type: number, description: "Most mean absolute scaled error: 1 is the naive forecast's own, 0 is perfect"}
#     basis: {type: string, description: "What is compared: `estimate` or `confidence-bound`"}
#     required: {type: boolean, description: Whether a forecast without a scale fails; else it is not judged}
#   frameworks: [eu-ai-act:Art.15, nist-ai-rmf:MEASURE-2.3, iso-42001:A.6.2.4, sr-26-2:outcomes-analysis]
package modelgate.controls.validation.forecast_skill

import data.modelgate.lib.measured
import data.modelgate.lib.metric

scaled := [evaluation |
	some evaluation in input.evaluations
	measured.of_task(evaluation, {"forecasting"})
	measured.stated(evaluation.columns.scale)
]

not_applicable contains "no evaluation is a forecast" if {
	measured.none_of_task(input.evaluations, {"forecasting"})
}

not_applicable contains "no forecast has a scale that makes its errors those of the seasonal naive one" if {
	not data.parameters.required
	not measured.none_of_task(input.evaluations, {"forecasting"})
	count(scaled) == 0
}

violation contains finding if {
	data.parameters.required
	some evaluation in input.evaluations
	measured.of_task(evaluation, {"forecasting"})
	not measured.stated(evaluation.columns.scale)
	finding := {
		"subject": sprintf("evaluation/%s", [evaluation.name]),
		"message": "no scale is declared by which the forecast could be compared with the seasonal naive one",
		"observed": null,
		"expected": "a column under `columns.scale`",
	}
}

violation contains finding if {
	some evaluation in scaled
	maximum := data.parameters.maximum
	some problem in metric.above(evaluation.metrics, "mean_absolute_scaled_error", maximum, data.parameters.basis)
	finding := object.union(problem, {"subject": sprintf("evaluation/%s", [evaluation.name])})
}
