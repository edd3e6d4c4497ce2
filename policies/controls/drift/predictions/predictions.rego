# METADATA
# title: Scores and labels have not moved away from the training data
# description: |-
#   Scores that are spread otherwise change how many cases pass a threshold, and labels that are spread otherwise make
#   the calibration another one. The population stability index of each is at most the tier's ceiling. Without
#   `required` a part that was not compared is left out; if none was, the control does not apply.
# custom:
#   id: DRI-002
#   severity: medium
#   remediation: >-
#     Find out whether the population or the model has changed; calibrate again and review the threshold on rows like
#     those of use.
#   waivable: true
#   needs: [evaluations]
#   parameters:
#     maximum: {type: number, description: "Most population stability index of scores and of labels"}
#     required: {type: boolean, description: Whether parts that were not compared fail; else they are not judged}
#   frameworks: [eu-ai-act:Art.15, nist-ai-rmf:MEASURE-2.3, sr-26-2:outcomes-analysis]
package modelgate.controls.drift.predictions

import data.modelgate.lib.measured

parts := ["score", "label"]

compared := [evaluation.drift[part] |
	some evaluation in input.evaluations
	some part in parts
	is_object(evaluation.drift[part])
]

not_applicable contains "neither scores nor labels were compared with those of the training data" if {
	not data.parameters.required
	count(input.evaluations) > 0
	count(compared) == 0
}

violation contains finding if {
	data.parameters.required
	some evaluation in input.evaluations
	some part in parts
	not is_object(evaluation.drift[part])
	finding := {
		"subject": sprintf("evaluation/%s/%s", [evaluation.name, part]),
		"message": sprintf("the %ss were not compared with those of the training data", [part]),
		"observed": null,
		"expected": "a comparison",
	}
}

violation contains finding if {
	some evaluation in input.evaluations
	some part in parts
	is_object(evaluation.drift[part])
	name := sprintf("the population stability index of the %ss", [part])
	index := "population_stability_index"
	some problem in measured.above(evaluation.drift[part], index, data.parameters.maximum, "estimate", name)
	finding := object.union(problem, {"subject": sprintf("evaluation/%s/%s", [evaluation.name, part])})
}
