package modelgate.controls.artifact.signatures_test

import data.modelgate.controls.artifact.signatures

release(supply_chain) := {
	"supply_chain": supply_chain,
	"artifacts": [{"path": "m.onnx", "role": "model"}, {"path": "c.json", "role": "configuration"}],
}

found(list) := result if {
	result := signatures.violation with input as release({"signatures": list})
		with data.parameters as {"required": false}
}

signature(status, covers) := {
	"file": {"path": "model.sig"}, "status": status, "covers": covers, "reason": "the digest is another",
}

uncovered := {
	"subject": "artifact/m.onnx", "message": "a verified signature does not cover it",
	"observed": null, "expected": "a verified signature",
}

test_covered if {
	found([signature("verified", ["m.onnx"])]) == set()
	found([signature("untrusted", ["m.onnx"]), signature("verified", ["c.json", "m.onnx"])]) == set()
}

test_not_covered if {
	found([]) == {uncovered}
	found([signature("verified", ["c.json"])]) == {uncovered}
	found([signature("untrusted", ["m.onnx"])]) == {uncovered}
	found([signature("verified", null)]) == {uncovered}
}

test_a_signature_that_does_not_hold if found([
	signature("invalid", ["c.json"]), signature("verified", ["m.onnx"]),
]) == {{
	"subject": "signature/model.sig", "message": "the signature does not hold: the digest is another",
	"observed": "invalid", "expected": "verified", "source": {"file": "model.sig", "line": 1},
}}

test_a_broken_signature_covers_nothing if uncovered in found([signature("invalid", ["m.onnx"])])

test_none_was_read if {
	every supply_chain in [{}, {"signatures": null}, {"signatures": "model.sig"}] {
		findings := signatures.violation with input as release(supply_chain)
			with data.parameters as {"required": true}
		findings == {{
			"subject": "release", "message": "no signature over the released files was read",
			"observed": null, "expected": "a verified signature",
		}}
		reasons := signatures.not_applicable with input as release(supply_chain)
			with data.parameters as {"required": false}
		reasons == {"no signature over the released files was read"}
	}
}

test_it_applies_where_signatures_are_required_or_there if {
	signatures.not_applicable == set() with input as release({}) with data.parameters as {"required": true}
	signatures.not_applicable == set() with input as release({"signatures": []})
		with data.parameters as {"required": false}
}
