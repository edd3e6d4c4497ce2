package modelgate.controls.exceptions.compensation_test

import data.modelgate.controls.exceptions.compensation

found(exception) := result if {
	result := compensation.violation with input as {"records": {"exceptions": {
		"file": {"path": "x.yaml"}, "content": {"exceptions": [exception]},
	}}}
}

uncompensated(control, observed) := {{
	"subject": "record/exceptions", "message": sprintf("nothing compensates for the exception from %v", [control]),
	"observed": observed, "expected": "a compensating control", "source": {"file": "x.yaml", "line": 1},
}}

test_compensated if found({"control": "VAL-004", "compensating_controls": ["a second look"]}) == set()

test_not_compensated if {
	every other in [[], null, "a second look"] {
		found({"control": "VAL-004", "compensating_controls": other}) == uncompensated("VAL-004", other)
	}
	found({}) == uncompensated(null, null)
}

test_no_record if {
	compensation.violation == {{
		"subject": "record/exceptions", "message": "the release has no such record", "observed": null,
		"expected": "a record of the kind `exceptions`",
	}} with input as {}
	compensation.not_applicable == {"no exceptions are recorded"} with input as {"records": {"exceptions": null}}
	compensation.not_applicable == set() with input as {"records": {"exceptions": {}}}
}
