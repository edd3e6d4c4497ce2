package modelgate.controls.artifact.own_code_test

import data.modelgate.controls.artifact.own_code

artifact(path, format, code) := {"path": path, "format": format, "metadata": {"custom_code": code}}

found(artifacts) := result if {
	result := own_code.violation with input as {"artifacts": artifacts}
}

config := artifact("m/config.json", "json", ["modeling_x.XModel"])

complaint(path, code) := {{
	"subject": sprintf("artifact/%s", [path]),
	"message": sprintf("it needs `%v`, which is in no file among the artifacts", [code]),
	"observed": code, "expected": "code among the artifacts",
}}

test_no_code if found([artifact("m/config.json", "json", [])]) == set()

test_code_that_is_released if {
	found([config, artifact("m/modeling_x.py", "text", [])]) == set()
	found([config, artifact("m/sub/modeling_x.py", "text", [])]) == set()
	found([artifact("config.json", "json", ["a.b.C"]), artifact("a/b.py", "text", [])]) == set()
}

test_code_that_is_not if {
	found([config]) == complaint("m/config.json", "modeling_x.XModel")
	found([config, artifact("modeling_x.py", "text", [])]) == complaint("m/config.json", "modeling_x.XModel")
	found([config, artifact("m/other_modeling_x.py", "text", [])]) == complaint("m/config.json", "modeling_x.XModel")
	found([artifact("m.keras", "zip", ["Lambda"]), artifact("Lambda.py", "text", [])]) == complaint("m.keras", "Lambda")
	found([artifact("m.keras", "zip", [7])]) == complaint("m.keras", 7)
}

test_code_of_a_torchscript_program if {
	found([artifact("m.pt", "torchscript", ["__torch__.Net"])]) == set()
	found([artifact("m.pt", "torch", ["__torch__.Net"])]) == complaint("m.pt", "__torch__.Net")
	found([artifact("m.pt", "torchscript", ["own.Net"])]) == complaint("m.pt", "own.Net")
}

test_code_of_another_repository if {
	code := "jinaai/jina-bert--configuration_bert.JinaBertConfig"
	found([artifact("config.json", "json", [code]), artifact("jinaai/jina-bert--configuration_bert.py", "text", [])]) == complaint("config.json", code)
}

test_operators_of_onnx_are_another_controls if found([artifact("m.onnx", "onnx", ["com.example"])]) == set()

test_not_measured if {
	expected := {{
		"subject": "artifact/m", "message": "what code it needs was not measured", "observed": null, "expected": "a list",
	}}
	found([{"path": "m", "format": "json"}]) == expected
	found([{"path": "m", "format": "json", "metadata": {"custom_code": null}}]) == expected
}

test_it_applies_where_code_is_needed_or_not_measured if {
	reason := {"no artifact needs code that does not come with its framework"}
	own_code.not_applicable == reason with input as {"artifacts": [artifact("m", "json", [])]}
	own_code.not_applicable == reason with input as {"artifacts": [artifact("m", "onnx", ["x"])]}
	own_code.not_applicable == set() with input as {"artifacts": [config]}
	own_code.not_applicable == set() with input as {"artifacts": [{"path": "m", "format": "json"}]}
}
