package modelgate.controls.incidents.reporting_test

import data.modelgate.controls.incidents.reporting

# 2026-03-31.
now := 1774915200000000000

found(changes) := result if {
	content := object.union({"since": "2025-01-01", "reporting": "Call 7.", "incidents": []}, changes)
	recorded := {"file": {"path": "i.yaml"}, "content": content}
	result := reporting.violation with input as {"records": {"incidents": recorded}}
		with time.now_ns as now
}

at(problem) := {object.union({"subject": "record/incidents", "source": {"file": "i.yaml", "line": 1}}, problem)}

test_recorded if {
	found({}) == set()
	found({"since": "2026-03-31"}) == set()
}

test_nobody_to_tell if {
	every other in [null, " ", 7] {
		found({"reporting": other}) == at({
			"message": "whom to tell about an incident is not said", "observed": other, "expected": "a way to report",
		})
	}
}

test_since_a_day_to_come if {
	every other in ["2026-04-01", null, 2025, "January"] {
		found({"since": other}) == at({
			"message": sprintf("the record is kept since %v, which is no day that has come", [other]),
			"observed": other, "expected": "today or earlier",
		})
	}
}

test_no_record if {
	reporting.violation == {{
		"subject": "record/incidents", "message": "the release has no such record", "observed": null,
		"expected": "a record of the kind `incidents`",
	}} with input as {"records": {"incidents": null}} with time.now_ns as now
	found({"incidents": null}) == at({
		"message": "the record lists no `incidents`", "observed": null, "expected": "a list",
	})
}

test_it_applies_to_changes if {
	reporting.not_applicable == {"it is the first release"} with input as {"change": {"kind": "initial"}}
	reporting.not_applicable == set() with input as {"change": {"kind": "retraining"}}
	reporting.not_applicable == set() with input as {"change": null}
}
