# METADATA
# title: Owner and validator can be reached
# description: |-
#   Whoever answers for the model is asked when it fails, and whoever validated it when it is doubted. A
#   name alone reaches nobody: each is an e-mail address or a handle, `@name` or `@organisation/team`.
# custom:
#   id: INT-005
#   severity: medium
#   remediation: >-
#     Write `model.owner`, and `model.validator` if there is one, as an e-mail address or as a handle
#     such as `@credit-models`.
#   waivable: true
#   frameworks: [eu-ai-act:Annex-IV.1, nist-ai-rmf:MANAGE-4.1]
package modelgate.controls.intake.contacts

contacts["owner"] := object.get(input, ["model", "owner"], null)

contacts["validator"] := input.model.validator if input.model.validator != null

reachable(text) if {
	is_string(text)
	regex.match(`^([^@\s]+@[^@\s.]+(\.[^@\s.]+)+|@[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9._-]+)*)$`, text)
}

violation contains finding if {
	some role, contact in contacts
	not reachable(contact)
	finding := {
		"subject": "manifest",
		"message": sprintf("the %s cannot be reached", [role]),
		"observed": contact,
		"expected": "an e-mail address or a handle such as `@team`",
	}
}
