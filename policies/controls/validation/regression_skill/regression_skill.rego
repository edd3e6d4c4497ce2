# METADATA
# title: A regression says more than the mean does
# description: |-
#   Always predicting the mean of the actual values has an R² of 0. The R², recomputed from the rows, is at least the
#   tier's floor. With the basis `confidence-bound` the lower end of its 95 % interval must be. Where all actual values
#   are the same there is no R², which is a finding.
# custom:
#   id: VAL-012
#   severity: high
#   remediation: >-
#     Improve the model, evaluate on more data if the interval is what is too wide, and on rows whose actual values
#     differ if there is no value.
#   waivable: true
#   needs: [evaluations]
#   parameters:
#     minimum: {type: number, description: "Least R²: 0 is the mean's own, 1 is perfect"}
#     basis: {type: string, description: "What is compared: `estimate` or `confidence-bound`"}
#   frameworks: [eu-ai-act:Art.15, nist-ai-rmf:MEASURE-2.3, iso-42001:A.6.2.4, sr-26-2:outcomes-analysis]
package modelgate.controls.validation.regression_skill

import data.modelgate.lib.measured
import data.modelgate.lib.metric

not_applicable contains "no evaluation is a regression" if {
	measured.none_of_task(input.evaluations, {"regression"})
}

violation contains finding if {
	some evaluation in input.evaluations
	measured.of_task(evaluation, {"regression"})
	some problem in metric.below(evaluation.metrics, "r_squared", data.parameters.minimum, data.parameters.basis)
	finding := object.union(problem, {"subject": sprintf("evaluation/%s", [evaluation.name])})
}
