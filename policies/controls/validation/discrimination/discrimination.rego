# METADATA
# title: The model tells the classes apart
# description: |-
#   The ROC AUC, recomputed from the rows, is at least the tier's floor. With the basis
#   `confidence-bound` the lower end of its 95 % interval must be: luck does not pass. It judges
#   evaluations of two classes.
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

import data.modelgate.lib.measured
import data.modelgate.lib.metric

not_applicable contains "no evaluation is of two classes (VAL-012, VAL-013, VAL-015 and VAL-016 judge other tasks)" if {
	measured.none_of_two_classes(input.evaluations)
}

violation contains finding if {
	some evaluation in input.evaluations
	measured.of_two_classes(evaluation)
	some problem in metric.below(evaluation.metrics, "roc_auc", data.parameters.minimum, data.parameters.basis)
	finding := object.union(problem, {"subject": sprintf("evaluation/%s", [evaluation.name])})
}
