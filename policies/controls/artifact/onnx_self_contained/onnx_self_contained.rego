# METADATA
# title: ONNX models bring all that they need
# description: |-
#   Tensors in files outside the model must be among the artifacts, where they are hashed; operators
#   outside the standard domains need native code that nobody has looked at.
# custom:
#   id: ART-004
#   severity: medium
#   remediation: Save the model with its tensors inside, or list the external files as artifacts; replace custom operators by standard ones.
#   waivable: true
#   needs: [artifacts]
#   parameters:
#     domains: {type: array, description: Operator domains that need no code of their own; the standard one is the empty string}
#   frameworks: [nist-ai-rmf:MEASURE-2.7]
package modelgate.controls.artifact.onnx_self_contained

not_applicable contains "no artifact is an ONNX model" if not any_onnx

any_onnx if {
	some artifact in input.artifacts
	artifact.format == "onnx"
}

violation contains finding if {
	some artifact in input.artifacts
	some file in artifact.onnx.external_data
	not beside(artifact, file) in {other.path | some other in input.artifacts}
	finding := {
		"subject": sprintf("artifact/%s", [artifact.path]),
		"message": sprintf("its tensors are in `%s`, which is not among the artifacts", [file]),
		"observed": file,
		"expected": "a file among the artifacts",
	}
}

violation contains finding if {
	some artifact in input.artifacts
	some opset in artifact.onnx.opsets
	not opset.domain in data.parameters.domains
	finding := {
		"subject": sprintf("artifact/%s", [artifact.path]),
		"message": sprintf("it needs operators of the domain `%s`", [opset.domain]),
		"observed": opset.domain,
		"expected": data.parameters.domains,
	}
}

# External files are named relative to the model's directory.
beside(artifact, file) := concat("/", array.concat(array.slice(parts, 0, count(parts) - 1), [file])) if {
	parts := split(artifact.path, "/")
}
