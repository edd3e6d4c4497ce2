package modelgate.controls.artifact.allowed_formats_test

import data.modelgate.controls.artifact.allowed_formats

found(role, format) := result if {
	result := allowed_formats.violation with input as {"artifacts": [{"path": "m", "role": role, "format": format}]}
		with data.parameters as {"allowed_formats": ["onnx"]}
}

test_an_allowed_format if found("model", "onnx") == set()

test_a_configuration_may_have_any if found("configuration", "json") == set()

test_another_format if {
	found("model", "pickle") == {{
		"subject": "artifact/m", "message": "the model has the format pickle", "observed": "pickle", "expected": ["onnx"],
	}}
	count(found("preprocessor", "unknown")) == 1
}
