package modelgate.controls.artifact.onnx_self_contained_test

import data.modelgate.controls.artifact.onnx_self_contained

model(external, domain) := {
	"path": "model/m.onnx", "format": "onnx",
	"onnx": {"external_data": external, "opsets": [{"domain": domain, "version": 21}]},
}

found(artifacts) := result if {
	result := onnx_self_contained.violation with input as {"artifacts": artifacts} with data.parameters as {"domains": ["", "ai.onnx.ml"]}
}

test_self_contained if found([model([], "")]) == set()

test_an_external_file_among_the_artifacts if found([model(["w.bin"], ""), {"path": "model/w.bin", "format": "unknown", "onnx": null}]) == set()

test_an_external_file_elsewhere if found([model(["w.bin"], ""), {"path": "w.bin", "format": "unknown", "onnx": null}]) == {{
	"subject": "artifact/model/m.onnx", "message": "its tensors are in `w.bin`, which is not among the artifacts",
	"observed": "w.bin", "expected": "a file among the artifacts",
}}

test_a_custom_domain if found([model([], "com.example")]) == {{
	"subject": "artifact/model/m.onnx", "message": "it needs operators of the domain `com.example`",
	"observed": "com.example", "expected": ["", "ai.onnx.ml"],
}}

test_it_applies_to_onnx_only if {
	onnx_self_contained.not_applicable == {"no artifact is an ONNX model"} with input as {"artifacts": [{"path": "m", "format": "pickle"}]}
	onnx_self_contained.not_applicable == set() with input as {"artifacts": [model([], "")]}
}
