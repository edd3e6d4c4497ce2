# METADATA
# title: The code that a model needs is released with it
# description: |-
#   A model that needs more than its framework runs code when it is loaded: classes that `auto_map` names, modules and
#   operators of its own. Code that is among the artifacts is hashed, signed and reviewed with the model; code that is
#   not comes from wherever the loader finds it on that day. What ONNX models need is judged by ART-004.
# custom:
#   id: ART-010
#   severity: high
#   remediation: >-
#     Release the Python files that it names as artifacts, beside the file that names them; if the code is that of another
#     repository (`owner/name--module.Class`), copy it and drop the prefix. Or save the model for classes that its framework
#     has, so that nothing has to be trusted.
#   waivable: true
#   needs: [artifacts]
#   frameworks: [eu-ai-act:Art.15, nist-ai-rmf:MEASURE-2.7]
package modelgate.controls.artifact.own_code

import data.modelgate.lib.measured

judged := {artifact | some artifact in input.artifacts; artifact.format != "onnx"}

not_applicable contains "no artifact needs code that does not come with its framework" if {
	every artifact in judged {
		artifact.metadata.custom_code == []
	}
}

violation contains finding if {
	some artifact in judged
	some code in measured.items(artifact.metadata, "custom_code")
	not is_released(artifact, code)
	finding := {
		"subject": sprintf("artifact/%s", [artifact.path]),
		"message": sprintf("it needs `%v`, which is in no file among the artifacts", [code]),
		"observed": code,
		"expected": "code among the artifacts",
	}
}

violation contains finding if {
	some artifact in judged
	code := object.get(artifact, ["metadata", "custom_code"], null)
	not is_array(code)
	finding := {
		"subject": sprintf("artifact/%s", [artifact.path]),
		"message": "what code it needs was not measured",
		"observed": code,
		"expected": "a list",
	}
}

# The class `module.Class` is in `module.py`, beside the file that names it or in a directory below.
is_released(artifact, code) if {
	is_string(code)
	not contains(code, "--")
	parts := split(code, ".")
	file := sprintf("%s.py", [concat("/", array.slice(parts, 0, count(parts) - 1))])
	some other in input.artifacts
	startswith(other.path, directory(artifact.path))
	endswith(sprintf("/%s", [other.path]), sprintf("/%s", [file]))
}

# The code of a TorchScript program is in the program; a class whose code is not there is among its imports.
is_released(artifact, code) if {
	artifact.format == "torchscript"
	startswith(code, "__torch__.")
}

directory(path) := sprintf("%s/", [concat("/", array.slice(parts, 0, count(parts) - 1))]) if {
	parts := split(path, "/")
	count(parts) > 1
} else := ""
