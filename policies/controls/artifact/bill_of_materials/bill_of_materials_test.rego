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
