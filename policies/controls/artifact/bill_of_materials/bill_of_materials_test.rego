package modelgate.controls.artifact.bill_of_materials_test

import data.modelgate.controls.artifact.bill_of_materials

release(bill) := {"supply_chain": {"bill_of_materials": bill}}

found(components) := result if {
	result := bill_of_materials.violation with input as release({"file": {"path": "bom.json"}, "components": components})
		with data.parameters as {"required": false}
}

numpy(changes) := object.union({"name": "numpy", "version": "2.3.1", "licence": "BSD-3-Clause"}, changes)

without(part, value) := {{
	"subject": "bill-of-materials/numpy", "message": sprintf("the component has no %s", [part]),
	"observed": value, "expected": part, "source": {"file": "bom.json", "line": 1},
}}

test_complete if found([numpy({})]) == set()

test_incomplete if {
	every part in ["version", "licence"] {
		found([object.remove(numpy({}), {part})]) == without(part, null)
		found([numpy({part: null})]) == without(part, null)
		found([numpy({part: " "})]) == without(part, " ")
		found([numpy({part: 2})]) == without(part, 2)
	}
	count(found([numpy({"version": null, "licence": null})])) == 2
}

test_each_component_counts if found([numpy({}), numpy({"version": null})]) == without("version", null)

test_what_is_not_released_and_what_has_no_licence_is_not_asked if {
	found([numpy({"version": null, "excluded": true})]) == set()
	found([numpy({"version": null, "kind": "other"})]) == set()
	found([numpy({"version": null, "excluded": false, "kind": "data-set"})]) == without("version", null)
	found([numpy({"version": null, "excluded": "true"})]) == without("version", null)
}

test_files_are_those_that_are_listed if {
	mismatch := {"path": "model/m.onnx", "listed_as": "m.onnx", "listed": "aa", "actual": "bb"}
	bill := {"file": {"path": "bom.json"}, "components": [numpy({})], "mismatches": [mismatch]}
	complaint := {
		"subject": "artifact/model/m.onnx", "message": "the bill of materials lists `m.onnx` with another digest",
		"observed": "bb", "expected": "aa", "source": {"file": "bom.json", "line": 1},
	}
	findings := bill_of_materials.violation with input as release(bill) with data.parameters as {"required": false}
	findings == {complaint}
	unknown := bill_of_materials.violation with input as release(object.union(bill, {"mismatches": [object.union(mismatch, {"listed": null})]}))
		with data.parameters as {"required": false}
	unknown == {object.union(complaint, {
		"message": "the bill of materials lists `m.onnx` without its SHA-256, so that nothing can be compared",
		"expected": null,
	})}
}

test_empty if {
	every components in [[], null] {
		found(components) == {{
			"subject": "bill-of-materials", "message": "the bill of materials lists no component",
			"observed": 0, "expected": "at least one component",
		}}
	}
}

test_none_was_read if {
	every bill in [null, "bom.json", []] {
		findings := bill_of_materials.violation with input as release(bill)
			with data.parameters as {"required": true}
		findings == {{
			"subject": "release", "message": "no bill of materials was read",
			"observed": null, "expected": "a bill of materials",
		}}
		reasons := bill_of_materials.not_applicable with input as release(bill)
			with data.parameters as {"required": false}
		reasons == {"no bill of materials was read"}
	}
	count(bill_of_materials.violation) == 1 with input as {"supply_chain": {}}
		with data.parameters as {"required": true}
}

test_it_applies_where_a_bill_is_required_or_there if {
	bill_of_materials.not_applicable == set() with input as release(null)
		with data.parameters as {"required": true}
	bill_of_materials.not_applicable == set() with input as release({})
		with data.parameters as {"required": false}
}
