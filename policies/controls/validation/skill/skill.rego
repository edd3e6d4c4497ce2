# METADATA
# title: The scores say more than the prevalence does
# description: |-
#   Always predicting the share of positives p has the Brier score p(1-p). The Brier skill score, 1 - Brier/(p(1-p)),
#   is at least the tier's floor. With the basis `confidence-bound` the upper end of the Brier score's 95 % interval
#   counts; p is taken as it is. Where every row has the same label there is no skill, which is a finding. It judges
#   evaluations of two classes.
# custom:
#   id: VAL-011
#   severity: high
#   remediation: >-
#     Calibrate the scores on rows that are neither for training nor for evaluation, add informative inputs, or evaluate
#     on more rows if the interval is what is too wide.
#   waivable: true
#   needs: [evaluations]
#   parameters:
#     minimum_skill: {type: number, description: "Least Brier skill score: 0 is the prevalence's own, 1 is perfect"}
#     basis: {type: string, description: "What is compared: `estimate` or `confidence-bound`"}
#   frameworks: [eu-ai-act:Art.15, nist-ai-rmf:MEASURE-2.5, sr-26-2:outcomes-analysis]
package modelgate.controls.validation.skill

import data.modelgate.lib.measured
import data.modelgate.lib.metric

not_applicable contains "no evaluation is of two classes (VAL-012, VAL-013, VAL-015 and VAL-016 judge other tasks)" if {
	measured.none_of_two_classes(input.evaluations)
}

# The Brier score of always predicting the prevalence.
reference(evaluation) := score if {
	metric.usable(evaluation.metrics.prevalence)
	prevalence := evaluation.metrics.prevalence.value
	score := prevalence * (1 - prevalence)
	score > 0
}

judged(evaluation) := metric.judge(evaluation.metrics, "brier", data.parameters.basis, "high")

skill(evaluation) := 1 - (judged(evaluation) / reference(evaluation))

violation contains finding if {
	some evaluation in input.evaluations
	measured.of_two_classes(evaluation)
	skill(evaluation) < data.parameters.minimum_skill
	finding := {
		"subject": sprintf("evaluation/%s", [evaluation.name]),
		"message": sprintf(
			"the Brier skill score is %.4f (%s), below %v",
			[skill(evaluation), data.parameters.basis, data.parameters.minimum_skill],
		),
		"observed": skill(evaluation),
		"expected": data.parameters.minimum_skill,
	}
}

violation contains finding if {
	some evaluation in input.evaluations
	measured.of_two_classes(evaluation)
	not reference(evaluation)
	finding := {
		"subject": sprintf("evaluation/%s", [evaluation.name]),
		"message": "the prevalence is not known, 0 or 1: there is nothing to be better than",
		"observed": null,
		"expected": data.parameters.minimum_skill,
	}
}

violation contains finding if {
	some evaluation in input.evaluations
	measured.of_two_classes(evaluation)
	not judged(evaluation)
	finding := {
		"subject": sprintf("evaluation/%s", [evaluation.name]),
		"message": sprintf("brier has no %s to be judged by", [data.parameters.basis]),
		"observed": null,
		"expected": data.parameters.minimum_skill,
	}
}
