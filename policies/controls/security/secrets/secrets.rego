# METADATA
# title: No secret is in the released files
# description: |-
#   An access key or a password in a released file is known to everybody who can load the model, and stays
#   known after it is removed. Searched are the texts among the artifacts, the manifest, the card, monitoring
#   files, records, the bill of materials, and what DVC and MLflow say. Each secret that was found is reported by the rule that found it, never by its text.
#   With `required`, files that nobody searched are a finding.
# custom:
#   id: SEC-004
#   severity: critical
#   remediation: >-
#     Revoke the secret first, then take it out of the file and out of the history, and read it from the
#     environment or a secret store.
#   waivable: false
#   parameters:
#     required: {type: boolean, description: Whether files that were not searched are a finding}
#   frameworks: [eu-ai-act:Art.15, nist-ai-rmf:MEASURE-2.7]
package modelgate.controls.security.secrets

not_applicable contains "whether the released files hold secrets was not measured" if {
	data.parameters.required == false
	input.supply_chain.secrets == null
}

secrets := object.get(input, ["supply_chain", "secrets"], null)

violation contains finding if {
	not is_array(secrets)
	finding := {
		"subject": "release",
		"message": "the released files were not searched for secrets",
		"observed": null,
		"expected": "a search",
	}
}

violation contains finding if {
	is_array(secrets)
	some secret in secrets
	path := object.get(secret, "path", "unknown")
	finding := object.union(place(secret), {
		"subject": sprintf("%s/%s", [kind(path), path]),
		"message": sprintf("the file holds a secret (%v)", [object.get(secret, "rule", null)]),
		"observed": object.get(secret, "rule", null),
		"expected": "no secret",
	})
}

kind(path) := "artifact" if {
	some artifact in input.artifacts
	artifact.path == path
} else := "file"

located(secret) if {
	is_string(secret.path)
	is_number(secret.line)
}

place(secret) := {"source": {"file": secret.path, "line": secret.line}} if located(secret)

place(secret) := {} if not located(secret)
