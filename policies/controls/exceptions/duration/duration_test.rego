package modelgate.controls.exceptions.duration_test

import data.modelgate.controls.exceptions.duration

# 2026-03-31.
now := 1774915200000000000

found(from, expires) := listed({"control": "VAL-004", "from": from, "expires": expires})

listed(exception) := result if {
	result := duration.violation with input as {"records": {"exceptions": {
		"file": {"path": "x.yaml"}, "content": {"exceptions": [exception]},
	}}}
		with data.parameters as {"maximum_days": 31}
		with time.now_ns as now
}

at(problem) := object.union({"subject": "record/exceptions", "source": {"file": "x.yaml", "line": 1}}, problem)

expired(control, expires) := at({
	"message": sprintf("the exception from %v expired on %v", [control, expires]),
	"observed": expires, "expected": "today or later",
})

reversed(control, from, expires) := at({
	"message": sprintf("the exception from %v ends before it begins, on %v", [control, from]),
	"observed": from, "expected": expires,
})

test_in_force if {
	found("2026-03-01", "2026-03-31") == set()
	found("2026-04-01", "2026-05-01") == set()
	found("2026-03-31", "2026-03-31") == set()
}

test_expired if found("2026-03-01", "2026-03-30") == {expired("VAL-004", "2026-03-30")}

test_too_long if found("2026-04-01", "2026-05-02") == {at({
	"message": "the exception from VAL-004 lasts for 32 days", "observed": 32, "expected": 31,
})}

test_it_ends_before_it_begins if found("2026-05-02", "2026-05-01") == {reversed("VAL-004", "2026-05-02", "2026-05-01")}

test_no_days if {
	every other in [null, "never", 7] {
		found("2026-03-31", other) == {expired("VAL-004", other), reversed("VAL-004", "2026-03-31", other)}
		found(other, "2026-03-31") == {reversed("VAL-004", other, "2026-03-31")}
	}
	listed({}) == {expired(null, null), reversed(null, null, null)}
	count(listed({"from": "2026-04-01", "expires": "2026-05-02"})) == 1
}

test_no_record if {
	duration.violation == {{
		"subject": "record/exceptions", "message": "the release has no such record", "observed": null,
		"expected": "a record of the kind `exceptions`",
	}} with input as {"records": {"exceptions": null}} with data.parameters as {"maximum_days": 31}
}

test_it_applies_where_there_are_any_or_have_to_be if {
	none := {"records": {"exceptions": null}}
	some_record := {"records": {"exceptions": {}}}
	reason := {"no exceptions are recorded"}
	duration.not_applicable == reason with input as none with data.parameters as {"required": false}
	duration.not_applicable == set() with input as none with data.parameters as {"required": true}
	duration.not_applicable == set() with input as some_record with data.parameters as {"required": false}
}
