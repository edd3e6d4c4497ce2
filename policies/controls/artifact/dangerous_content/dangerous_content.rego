# METADATA
# title: Nothing in the files is a danger
# description: |-
#   No file holds something that runs code when it is loaded, breaks its own format, or hides what it is.
#   A file that could not be looked through to its end counts as dangerous.
# custom:
#   id: ART-002
#   severity: critical
#   remediation: Find out how the file came to hold this, and build it again from a trusted source; if the import is legitimate, use a format that needs none.
#   waivable: false
#   needs: [artifacts]
#   parameters:
#     severities: {type: array, description: "Severities of risks that count, of low, medium and high"}
#   frameworks: [eu-ai-act:Art.15, nist-ai-rmf:MEASURE-2.7]
package modelgate.controls.artifact.dangerous_content

violation contains finding if {
	some artifact in input.artifacts
	some risk in artifact.risks
	risk.severity in data.parameters.severities
	finding := {
		"subject": sprintf("artifact/%s", [artifact.path]),
		"message": sprintf("%s (byte %d)", [risk.message, risk.offset]),
		"observed": risk.code,
		"expected": "no such risk",
	}
}
