package modelgate.controls.remediation.evidence_test

import data.modelgate.controls.remediation.evidence

# 2026-03-31.
now := 1774915200000000000

found(item) := result if {
	result := evidence.violation with input as {"records": {"remediations": {
		"file": {"path": "r.yaml"}, "content": {"items": [item]},
	}}}
		with time.now_ns as now
}

at(problem) := {object.union({"subject": "record/remediations", "source": {"file": "r.yaml", "line": 1}}, problem)}

test_shown if {
	found({"id": "R-1", "closed": "2026-03-31", "evidence": "commit 1"}) == set()
	found({"id": "R-1", "closed": null, "evidence": null}) == set()
	found({"id": "R-1"}) == set()
}

test_nothing_shows_it if {
	every shown in [null, " ", 7] {
		found({"id": "R-1", "closed": "2026-03-31", "evidence": shown}) == at({
			"message": "nothing shows that R-1 was done", "observed": shown, "expected": "evidence",
		})
	}
	count(found({"id": "R-1", "closed": "2026-03-31"})) == 1
}

test_closed_on_a_day_to_come if {
	every day in ["2026-04-01", "today", true] {
		found({"id": "R-1", "closed": day, "evidence": "commit 1"}) == at({
			"message": "R-1 is closed on a day that has not come", "observed": day, "expected": "today or earlier",
		})
	}
}

test_no_record if {
	evidence.violation == {{
		"subject": "record/remediations", "message": "the release has no such record", "observed": null,
		"expected": "a record of the kind `remediations`",
	}} with input as {}
	evidence.not_applicable == {"no remediations are recorded"} with input as {"records": {"remediations": null}}
	evidence.not_applicable == set() with input as {"records": {"remediations": {}}}
}
