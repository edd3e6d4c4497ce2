# METADATA
# title: Models come in formats that only hold data
# description: |-
#   A pickle is a program that runs when it is loaded; safetensors, GGUF, ONNX and the files of XGBoost, LightGBM and
#   CatBoost hold numbers, graphs and trees.
#   Judged are the files with the role of a model or a preprocessor, by their content and not their name.
# custom:
#   id: ART-001
#   severity: high
#   remediation: Export the model to one of the allowed formats, for instance with `skl2onnx`, `torch.onnx`, `safetensors` or the `save_model` of XGBoost, LightGBM or CatBoost.
#   waivable: true
#   needs: [artifacts]
#   parameters:
#     allowed_formats: {type: array, description: Formats that a model or a preprocessor may have}
#   frameworks: [eu-ai-act:Art.15, nist-ai-rmf:MEASURE-2.7]
package modelgate.controls.artifact.allowed_formats

violation contains finding if {
	some artifact in input.artifacts
	artifact.role in {"model", "preprocessor"}
	not artifact.format in data.parameters.allowed_formats
	finding := {
		"subject": sprintf("artifact/%s", [artifact.path]),
		"message": sprintf("the %s has the format %s", [artifact.role, artifact.format]),
		"observed": artifact.format,
		"expected": data.parameters.allowed_formats,
	}
}
