package modelgate.controls.artifact.known_formats_test

import data.modelgate.controls.artifact.known_formats

found(artifact) := result if {
	result := known_formats.violation with input as {"artifacts": [object.union({"path": "m"}, artifact)]}
		with data.parameters as {"roles": ["model", "configuration"]}
}

complaint(role, observed) := {{
	"subject": "artifact/m", "message": sprintf("the format of the %s is not known", [role]),
	"observed": observed, "expected": "a known format",
}}

test_known if {
	every format in ["onnx", "safetensors", "gguf", "pickle", "zip", "torch", "tar", "7z", "compressed", "json", "text", "saved-model", "xgboost", "native-code"] {
		found({"role": "model", "format": format}) == set()
	}
}

test_unknown if {
	found({"role": "model", "format": "unknown"}) == complaint("model", "unknown")
	found({"role": "configuration", "format": "unknown"}) == complaint("configuration", "unknown")
}

test_a_role_that_is_not_judged if found({"role": "preprocessor", "format": "unknown"}) == set()

test_no_format if {
	found({"role": "model"}) == complaint("model", null)
	found({"role": "model", "format": null}) == complaint("model", null)
	found({"role": "model", "format": 1}) == complaint("model", 1)
}
