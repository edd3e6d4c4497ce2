# METADATA
# title: Somebody else kept the evaluation rows, and nothing was tuned on them
# description: |-
#   A number from rows that had a say in the model flatters it. The manifest declares how the rows were split off,
#   in a way that the tier allows; that nothing was tuned or chosen on them; and who kept them, which is not the
#   model's owner.
# custom:
#   id: VAL-009
#   severity: high
#   remediation: >-
#     Have rows set aside, in a way that the tier allows, by somebody who does not build the model; tune on others; and
#     declare `holdout` with `split`, `custodian` and `used_for_tuning` for the evaluation.
#   waivable: true
#   needs: [evaluations]
#   parameters:
#     splits: {type: array, description: "Splits that count, of random, temporal, by-entity and external"}
#     required: {type: boolean, description: Whether an evaluation that declares none fails; else it is not judged}
#   frameworks: [eu-ai-act:Annex-IV.2.g, nist-ai-rmf:MEASURE-1.3, nist-ai-rmf:MEASURE-2.3, sr-26-2:effective-challenge]
package modelgate.controls.validation.holdout_independence

import data.modelgate.lib.measured

not_applicable contains "no evaluation declares how its rows were kept apart from training" if {
	not data.parameters.required
	measured.nowhere(input.evaluations, "holdout")
}

violation contains finding if {
	data.parameters.required
	some finding in measured.missing(
		input.evaluations, "holdout",
		"it is not declared how the rows were kept apart from training", "`holdout`",
	)
}

violation contains finding if {
	some evaluation in input.evaluations
	is_object(evaluation.holdout)
	some finding in complaints(evaluation)
}

complaints(evaluation) := {finding |
	not evaluation.holdout.used_for_tuning == false
	finding := complaint(evaluation, "used_for_tuning", "the rows were used for tuning", false)
} | {finding |
	not evaluation.holdout.split in data.parameters.splits
	message := "the rows were not chosen in a way that counts"
	finding := complaint(evaluation, "split", message, data.parameters.splits)
} | {finding |
	not has_other_custodian(evaluation)
	finding := complaint(evaluation, "custodian", "the owner kept the rows, or nobody did", "somebody but the owner")
}

complaint(evaluation, part, message, expected) := {
	"subject": sprintf("evaluation/%s", [evaluation.name]),
	"message": message,
	"observed": object.get(evaluation.holdout, part, null),
	"expected": expected,
}

has_other_custodian(evaluation) if {
	measured.stated(evaluation.holdout.custodian)
	lower(trim_space(evaluation.holdout.custodian)) != lower(trim_space(input.model.owner))
}
