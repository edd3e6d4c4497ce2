package modelgate.controls.remediation.overdue_test

import data.modelgate.controls.remediation.overdue

# 2026-03-31.
now := 1774915200000000000

found(item) := result if {
	result := overdue.violation with input as {"records": {"remediations": {
		"file": {"path": "r.yaml"}, "content": {"items": [item]},
	}}}
		with time.now_ns as now
}

late(due) := {{
	"subject": "record/remediations", "message": sprintf("R-1 was due on %v and is open", [due]), "observed": due,
	"expected": "closed, or due today or later", "source": {"file": "r.yaml", "line": 1},
}}

test_due_today_or_later if {
	found({"id": "R-1", "due": "2026-03-31", "closed": null}) == set()
	found({"id": "R-1", "due": "2026-04-01"}) == set()
}

test_closed if {
	found({"id": "R-1", "due": "2026-03-30", "closed": "2026-03-31"}) == set()
	found({"id": "R-1", "due": "2026-03-30", "closed": "2026-03-01"}) == set()
}

test_overdue if {
	found({"id": "R-1", "due": "2026-03-30", "closed": null}) == late("2026-03-30")
	found({"id": "R-1", "due": "2026-03-30"}) == late("2026-03-30")
	found({"id": "R-1", "due": "2026-03-30", "closed": "2026-04-01"}) == late("2026-03-30")
	found({"id": "R-1", "due": "2026-03-30", "closed": true}) == late("2026-03-30")
}

test_no_day if {
	every due in [null, "soon", 20270101] {
		found({"id": "R-1", "due": due, "closed": null}) == late(due)
	}
	found({"id": "R-1"}) == late(null)
}

test_no_record if {
	overdue.violation == {{
		"subject": "record/remediations", "message": "the release has no such record", "observed": null,
		"expected": "a record of the kind `remediations`",
	}} with input as {"records": {"remediations": null}}
}

test_it_applies_where_there_are_any_or_have_to_be if {
	none := {"records": {"remediations": null}}
	some_record := {"records": {"remediations": {}}}
	reason := {"no remediations are recorded"}
	overdue.not_applicable == reason with input as none with data.parameters as {"required": false}
	overdue.not_applicable == set() with input as none with data.parameters as {"required": true}
	overdue.not_applicable == set() with input as some_record with data.parameters as {"required": false}
}
