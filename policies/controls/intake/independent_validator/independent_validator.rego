# METADATA
# title: Somebody independent validated the model
# description: |-
#   Effective challenge needs a person or team that did not build the model. The manifest names who
#   validated it, and that is not the owner.
# custom:
#   id: INT-002
#   severity: medium
#   remediation: Have the model validated by somebody who did not build it, and name them as `model.validator`.
#   waivable: true
#   frameworks: [nist-ai-rmf:MEASURE-1.3, sr-26-2:effective-challenge]
package modelgate.controls.intake.independent_validator

violation contains finding if {
	not is_string(input.model.validator)
	finding := {"subject": "manifest", "message": "no validator is named", "observed": null, "expected": "a validator other than the owner"}
}

violation contains finding if {
	lower(trim_space(input.model.validator)) == lower(trim_space(input.model.owner))
	finding := {
		"subject": "manifest",
		"message": sprintf("the validator `%s` is the owner", [input.model.validator]),
		"observed": input.model.validator,
		"expected": "a validator other than the owner",
	}
}
