# METADATA
# title: The format of every released file is known
# description: |-
#   A file that nothing can read has not been looked through: what ART-002 does not find in it says nothing.
#   Judged are the files with one of the tier's roles, by their content and not their name.
# custom:
#   id: ART-009
#   severity: medium
#   remediation: >-
#     Release the file in a format that the gate reads (ONNX, safetensors, GGUF, JSON, text or an archive of these), or
#     leave it out of `artifacts` if it is not released.
#   waivable: true
#   needs: [artifacts]
#   parameters:
#     roles: {type: array, description: "Roles whose files are judged, of model, preprocessor and configuration"}
#   frameworks: [eu-ai-act:Art.15, nist-ai-rmf:MEASURE-2.7]
package modelgate.controls.artifact.known_formats

import data.modelgate.lib.measured

is_known(artifact) if {
	measured.stated(artifact.format)
	artifact.format != "unknown"
}

violation contains finding if {
	some artifact in input.artifacts
	artifact.role in data.parameters.roles
	not is_known(artifact)
	finding := {
		"subject": sprintf("artifact/%s", [artifact.path]),
		"message": sprintf("the format of the %s is not known", [artifact.role]),
		"observed": object.get(artifact, "format", null),
		"expected": "a known format",
	}
}
