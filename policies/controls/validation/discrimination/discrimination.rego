# METADATA
# title: The model tells the classes apart
# description: |-
#   The ROC AUC, recomputed from the rows, is at least the tier's floor. With the basis
#   `confidence-bound` the lower end of its 95 % interval must be: luck does not pass.
# custom:
#   id: VAL-003
#   severity: high
#   remediation: Improve the model, or evaluate on more data if the interval is what is too wide.
#   waivable: true
#   needs: [evaluations]
#   parameters:
#     minimum: {type: number, description: Least ROC AUC}
#     basis: {type: string, description: "What is compared: `estimate` or `confidence-bound`"}
#   frameworks: [eu-ai-act:Art.15, nist-ai-rmf:MEASURE-2.3, iso-42001:A.6.2.4, sr-26-2:outcomes-analysis]
package modelgate.controls.validation.discrimination

import data.modelgate.lib.metric

violation contains finding if {
	some evaluation in input.evaluations
	some problem in metric.below(evaluation.metrics, "roc_auc", data.parameters.minimum, data.parameters.basis)
	finding := object.union(problem, {"subject": sprintf("evaluation/%s", [evaluation.name])})
}
