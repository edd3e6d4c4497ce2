package modelgate.controls.oversight.appeal_test

import data.modelgate.controls.oversight.appeal

found(content) := result if {
	result := appeal.violation with input as {"records": {"human_oversight": {
		"file": {"path": "h.yaml"}, "content": content,
	}}}
}

no_appeal(observed) := {{
	"subject": "record/human-oversight", "message": "people whom a decision affects cannot appeal", "observed": observed,
	"expected": "a way to have it looked at again", "source": {"file": "h.yaml", "line": 1},
}}

test_an_appeal if found({"appeal": "A second officer decides."}) == set()

test_no_appeal if {
	every other in [null, " ", false] {
		found({"appeal": other}) == no_appeal(other)
	}
	found({}) == no_appeal(null)
}

test_no_record if appeal.violation == {{
	"subject": "record/human-oversight", "message": "the release has no such record", "observed": null,
	"expected": "a record of the kind `human-oversight`",
}} with input as {"records": {"human_oversight": null}}

test_it_applies_to_decisions_about_people if {
	elsewhere := {"its field has no such consequences for a person"}
	appeal.not_applicable == elsewhere with input as {"intake": {"domain": "marketing", "decision_role": "decides"}}
	informs := {"its output is one piece of information among others"}
	appeal.not_applicable == informs with input as {"intake": {"domain": "credit", "decision_role": "informs"}}
	every role in ["recommends", "decides", null] {
		appeal.not_applicable == set() with input as {"intake": {"domain": "credit", "decision_role": role}}
	}
	appeal.not_applicable == set() with input as {}
}
