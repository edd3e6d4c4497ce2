package modelgate.controls.security.secrets_test

import data.modelgate.controls.security.secrets

facts(found) := {"supply_chain": {"secrets": found}, "artifacts": [{"path": "config.json"}, {"path": "model.onnx"}]}

found(list) := result if {
	result := secrets.violation with input as facts(list) with data.parameters as {"required": true}
}

test_none if found([]) == set()

test_some if {
	found([
		{"path": "config.json", "line": 7, "rule": "aws-access-key"}, {"path": "model.onnx", "line": null, "rule": "jwt"},
	]) == {
		{
			"subject": "artifact/config.json", "message": "the file holds a secret (aws-access-key)",
			"observed": "aws-access-key", "expected": "no secret", "source": {"file": "config.json", "line": 7},
		},
		{
			"subject": "artifact/model.onnx", "message": "the file holds a secret (jwt)",
			"observed": "jwt", "expected": "no secret",
		},
	}
	unknown := {{
		"subject": "file/unknown", "message": "the file holds a secret (null)", "observed": null, "expected": "no secret",
	}}
	found([{}]) == unknown
	found([{"line": 7}]) == unknown
	count(found([{"path": 7, "line": 7}])) == 1
	every finding in found([{"path": 7, "line": 7}]) {
		not finding.source
	}
}

test_in_a_file_that_is_no_artifact if found([{"path": "MODEL_CARD.md", "line": 7, "rule": "jwt"}]) == {{
	"subject": "file/MODEL_CARD.md", "message": "the file holds a secret (jwt)",
	"observed": "jwt", "expected": "no secret", "source": {"file": "MODEL_CARD.md", "line": 7},
}}

test_not_searched if {
	expected := {{
		"subject": "release", "message": "the released files were not searched for secrets", "observed": null,
		"expected": "a search",
	}}
	every list in [null, "none", {}] {
		found(list) == expected
	}
	secrets.violation == expected with input as {}
}

test_it_applies_where_it_was_measured_or_has_to_be if {
	reason := {"whether the released files hold secrets was not measured"}
	secrets.not_applicable == reason with input as facts(null) with data.parameters as {"required": false}
	secrets.not_applicable == set() with input as facts(null) with data.parameters as {"required": true}
	secrets.not_applicable == set() with input as facts([]) with data.parameters as {"required": false}
	secrets.not_applicable == set() with input as facts("none") with data.parameters as {"required": false}
	secrets.not_applicable == set() with input as {} with data.parameters as {"required": false}
}
