package modelgate.controls.exceptions.number_test

import data.modelgate.controls.exceptions.number

# 2026-03-31.
now := 1774915200000000000

found(exceptions) := result if {
	result := number.violation with input as {"records": {"exceptions": {
		"file": {"path": "x.yaml"}, "content": {"exceptions": exceptions},
	}}}
		with data.parameters as {"maximum": 1}
		with time.now_ns as now
}

too_many(number, open) := {{
	"subject": "record/exceptions", "message": sprintf("%d exceptions are open at a time: from %v", [number, open]),
	"observed": number, "expected": "at most 1", "source": {"file": "x.yaml", "line": 1},
}}

first := {"control": "VAL-004", "expires": "2026-03-31"}

ended := {"control": "VAL-005", "expires": "2026-03-30"}

test_few if {
	found([]) == set()
	found([first]) == set()
	found([first, ended, ended]) == set()
}

test_too_many if {
	found([first, {"control": "VAL-006", "expires": "2027-01-01"}]) == too_many(2, ["VAL-004", "VAL-006"])
}

test_an_end_that_is_no_day_is_none if {
	every end in [null, "soon", "2026-02-31x", 7] {
		found([first, {"control": "VAL-006", "expires": end}]) == too_many(2, ["VAL-004", "VAL-006"])
	}
	found([first, {}]) == too_many(2, ["VAL-004", null])
}

test_no_record if {
	number.violation == {{
		"subject": "record/exceptions", "message": "the release has no such record", "observed": null,
		"expected": "a record of the kind `exceptions`",
	}} with input as {}
	number.not_applicable == {"no exceptions are recorded"} with input as {"records": {"exceptions": null}}
	number.not_applicable == set() with input as {"records": {"exceptions": {}}}
	count(found(null)) == 1
}
