package modelgate.controls.documentation.change_log_test

import data.modelgate.controls.documentation.change_log

# 2026-03-31.
now := 1774915200000000000

found(entries) := result if {
	result := change_log.violation with input as {
		"model": {"version": "2.0"},
		"records": {"change_log": {"file": {"path": "c.yaml"}, "content": {"entries": entries}}},
	}
		with time.now_ns as now
}

at(problem) := {object.union({"subject": "record/change-log", "source": {"file": "c.yaml", "line": 1}}, problem)}

test_an_entry if {
	found([{"version": "1.0", "released": "2027-01-01"}, {"version": "2.0", "released": "2026-03-31"}]) == set()
	found([{"version": "2.0", "released": "2026-03-30"}]) == set()
}

test_no_entry if {
	found([{"version": "1.0", "released": "2026-01-01"}, {}]) == at({
		"message": "there is no entry for the version 2.0", "observed": [null, "1.0"], "expected": "2.0",
	})
	count(found([])) == 1
}

test_a_day_to_come if {
	every released in ["2026-04-01", null, "soon"] {
		found([{"version": "2.0", "released": released}]) == at({
			"message": sprintf("the version 2.0 is released on %v, which is no day that has come", [released]),
			"observed": released, "expected": "today or earlier",
		})
	}
	count(found([{"version": "2.0"}])) == 1
}

test_no_version_of_the_model if {
	content := {"entries": [{"version": "1.0"}]}
	result := change_log.violation with input as {"records": {"change_log": {"content": content}}}
	result == {{
		"subject": "record/change-log", "message": "there is no entry for the version null", "observed": ["1.0"],
		"expected": null,
	}}
}

test_no_record if {
	change_log.violation == {{
		"subject": "record/change-log", "message": "the release has no such record", "observed": null,
		"expected": "a record of the kind `change-log`",
	}} with input as {"model": {"version": "2.0"}, "records": {"change_log": null}}
	found(null) == at({"message": "the record lists no `entries`", "observed": null, "expected": "a list"})
}
