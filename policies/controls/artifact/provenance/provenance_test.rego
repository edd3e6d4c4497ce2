package modelgate.controls.artifact.provenance_test

import data.modelgate.controls.artifact.provenance

release(supply_chain, commit) := {
	"supply_chain": supply_chain,
	"repository": {"commit": commit},
	"artifacts": [{"path": "m.onnx", "role": "model"}, {"path": "c.json", "role": "configuration"}],
}

good := {"file": {"path": "model.intoto.json"}, "verified": true, "commit": "abc", "covers": ["m.onnx"]}

found(changes, commit) := result if {
	result := provenance.violation with input as release({"provenance": object.union(good, changes)}, commit)
		with data.parameters as {"required": false}
}

source := {"file": "model.intoto.json", "line": 1}

test_built_from_the_commit_that_is_released if found({}, "abc") == set()

test_a_commit_that_is_not_known_is_not_compared if {
	found({"commit": null}, "abc") == set()
	found({}, null) == set()
}

test_another_commit if found({"commit": "def"}, "abc") == {{
	"subject": "provenance", "message": "the model was built from the commit def, and abc is released",
	"observed": "def", "expected": "abc", "source": source,
}}

test_not_verified if {
	every verified in [false, null, "true"] {
		found({"verified": verified}, "abc") == {{
			"subject": "provenance", "message": "the signature of the provenance was not verified",
			"observed": verified, "expected": true, "source": source,
		}}
	}
	findings := provenance.violation with input as release({"provenance": object.remove(good, {"verified"})}, "abc")
		with data.parameters as {"required": false}
	{finding.observed | some finding in findings} == {null}
}

test_not_covered if {
	every covers in [["c.json"], [], null] {
		found({"covers": covers}, "abc") == {{
			"subject": "artifact/m.onnx", "message": "the provenance does not cover it",
			"observed": null, "expected": "the provenance",
		}}
	}
}

test_none_was_read if {
	every supply_chain in [{}, {"provenance": null}, {"provenance": "slsa"}] {
		findings := provenance.violation with input as release(supply_chain, "abc")
			with data.parameters as {"required": true}
		findings == {{
			"subject": "release", "message": "no provenance of the released files was read",
			"observed": null, "expected": "verified provenance",
		}}
		reasons := provenance.not_applicable with input as release(supply_chain, "abc")
			with data.parameters as {"required": false}
		reasons == {"no provenance of the released files was read"}
	}
}

test_it_applies_where_provenance_is_required_or_there if {
	provenance.not_applicable == set() with input as release({}, "abc")
		with data.parameters as {"required": true}
	provenance.not_applicable == set() with input as release({"provenance": good}, "abc")
		with data.parameters as {"required": false}
}
