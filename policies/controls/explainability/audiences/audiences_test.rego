package modelgate.controls.explainability.audiences_test

import data.modelgate.controls.explainability.audiences

found(list, domain, asked) := result if {
	result := audiences.violation with input as {
		"intake": {"domain": domain},
		"records": {"explainability": {"file": {"path": "e.yaml"}, "content": {"audiences": list}}},
	}
		with data.parameters as {"audiences": asked}
}

unserved(audience, served) := {
	"subject": "record/explainability",
	"message": sprintf("no explanation is given to: %s", [replace(audience, "-", " ")]),
	"observed": served, "expected": audience, "source": {"file": "e.yaml", "line": 1},
}

test_served if {
	found(["operator", "affected-person", "validator"], "credit", ["affected-person", "operator"]) == set()
	found([], "credit", []) == set()
}

test_an_audience_is_missing if {
	every audience in ["operator", "validator", "regulator"] {
		found(["affected-person"], "operations", [audience]) == {unserved(audience, ["affected-person"])}
	}
	found([], "credit", ["operator", "regulator"]) == {unserved("operator", []), unserved("regulator", [])}
}

test_the_affected_person_in_fields_with_consequences if {
	found(["operator"], "credit", ["affected-person"]) == {unserved("affected-person", ["operator"])}
	found(["operator"], null, ["affected-person"]) == {unserved("affected-person", ["operator"])}
	found(["operator"], "marketing", ["affected-person"]) == set()
	found(["operator"], "credit", ["operator"]) == set()
}

test_no_record if {
	audiences.violation == {{
		"subject": "record/explainability", "message": "the release has no such record", "observed": null,
		"expected": "a record of the kind `explainability`",
	}} with input as {} with data.parameters as {"audiences": ["operator"]}
	found(null, "credit", ["operator"]) == {{
		"subject": "record/explainability", "message": "the record lists no `audiences`", "observed": null,
		"expected": "a list", "source": {"file": "e.yaml", "line": 1},
	}}
}
