# METADATA
# title: Each of several classes is told from the others
# description: |-
#   Where there are more than two classes, or several labels a row, accuracy is that of the frequent ones. The mean F1 of
#   the classes, in which each counts the same, is at least the tier's floor, and so is the mean of their recalls where
#   a row has one class. With the basis `confidence-bound` the lower ends of their 95 % intervals must be.
# custom:
#   id: VAL-016
#   severity: high
#   remediation: >-
#     Look at the classes with the least F1; more data of them, or joining those that nobody needs apart, usually helps.
#     If there is no value, evaluate on rows of every declared class; on more rows if the interval is what is too wide.
#   waivable: true
#   needs: [evaluations]
#   parameters:
#     minimum_macro_f1: {type: number, description: "Least mean F1 of the classes, 0 to 1"}
#     minimum_balanced_accuracy: {type: number, description: "Least mean recall of the classes, 0 to 1"}
#     basis: {type: string, description: "What is compared: `estimate` or `confidence-bound`"}
#   frameworks: [eu-ai-act:Art.15, nist-ai-rmf:MEASURE-2.3, iso-42001:A.6.2.4, sr-26-2:outcomes-analysis]
package modelgate.controls.validation.several_classes

import data.modelgate.lib.measured
import data.modelgate.lib.metric

several := {"multiclass-classification", "multilabel-classification"}

not_applicable contains "no evaluation is of more than two classes or of several labels" if {
	measured.none_of_task(input.evaluations, several)
}

violation contains finding if {
	some evaluation in input.evaluations
	measured.of_task(evaluation, several)
	minimum := data.parameters.minimum_macro_f1
	some problem in metric.below(evaluation.metrics, "macro_f1", minimum, data.parameters.basis)
	finding := object.union(problem, {"subject": sprintf("evaluation/%s", [evaluation.name])})
}

violation contains finding if {
	some evaluation in input.evaluations
	measured.of_task(evaluation, {"multiclass-classification"})
	minimum := data.parameters.minimum_balanced_accuracy
	some problem in metric.below(evaluation.metrics, "balanced_accuracy", minimum, data.parameters.basis)
	finding := object.union(problem, {"subject": sprintf("evaluation/%s", [evaluation.name])})
}
