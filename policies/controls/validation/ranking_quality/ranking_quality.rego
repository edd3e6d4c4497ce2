# METADATA
# title: A ranking puts what is relevant first
# description: |-
#   The normalised discounted cumulative gain at the declared k, recomputed from the rows and averaged over queries, is
#   at least the tier's floor. With the basis `confidence-bound` the lower end of its 95 % interval must be. Queries in
#   which nothing is relevant have no order to be judged and are not among them.
# custom:
#   id: VAL-015
#   severity: high
#   remediation: >-
#     Improve the model, or evaluate on more queries if the interval is what is too wide. If there is no value, label the
#     relevance of the items of each query.
#   waivable: true
#   needs: [evaluations]
#   parameters:
#     minimum: {type: number, description: "Least normalised discounted cumulative gain, 0 to 1"}
#     basis: {type: string, description: "What is compared: `estimate` or `confidence-bound`"}
#   frameworks: [eu-ai-act:Art.15, nist-ai-rmf:MEASURE-2.3, iso-42001:A.6.2.4, sr-26-2:outcomes-analysis]
package modelgate.controls.validation.ranking_quality

import data.modelgate.lib.measured
import data.modelgate.lib.metric

not_applicable contains "no evaluation is a ranking" if {
	measured.none_of_task(input.evaluations, {"ranking"})
}

violation contains finding if {
	some evaluation in input.evaluations
	measured.of_task(evaluation, {"ranking"})
	some problem in metric.below(evaluation.metrics, "ndcg", data.parameters.minimum, data.parameters.basis)
	finding := object.union(problem, {"subject": sprintf("evaluation/%s", [evaluation.name])})
}
