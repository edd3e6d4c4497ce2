package modelgate.controls.incidents.closed_incidents_test

import data.modelgate.controls.incidents.closed_incidents

# 2026-03-31.
now := 1774915200000000000

found(changes) := result if {
	incident := object.union({
		"id": "I-1", "opened": "2026-03-01", "closed": "2026-03-10", "root_cause": "a typing error",
		"reported_to_authority": null,
	}, changes)
	result := closed_incidents.violation with input as {"records": {"incidents": {
		"file": {"path": "i.yaml"}, "content": {"incidents": [incident]},
	}}}
		with time.now_ns as now
}

at(problem) := object.union({"subject": "record/incidents", "source": {"file": "i.yaml", "line": 1}}, problem)

test_understood if {
	found({}) == set()
	found({"closed": "2026-03-01"}) == set()
	found({"closed": "2026-03-31"}) == set()
	found({"reported_to_authority": true}) == set()
}

test_open if found({"closed": null, "root_cause": null}) == set()

test_no_cause if {
	every cause in [null, " ", 7] {
		found({"root_cause": cause}) == {at({
			"message": "the incident I-1 is closed without a root cause", "observed": cause, "expected": "a root cause",
		})}
	}
}

test_closed_before_it_was_opened if {
	found({"closed": "2026-02-28"}) == {at({
		"message": "the incident I-1 is closed before it was opened", "observed": "2026-02-28", "expected": "2026-03-01",
	})}
	found({"opened": null}) == {at({
		"message": "the incident I-1 is closed before it was opened", "observed": "2026-03-10", "expected": null,
	})}
}

test_closed_on_a_day_to_come if {
	found({"closed": "2026-04-01"}) == {at({
		"message": "the incident I-1 is closed on a day that has not come", "observed": "2026-04-01",
		"expected": "today or earlier",
	})}
	count(found({"closed": true})) == 2
}

test_not_reported if {
	every reported in [false, "no"] {
		expected := {at({
			"message": "the incident I-1 had to be reported to the authority and was not", "observed": reported,
			"expected": true,
		})}
		found({"reported_to_authority": reported}) == expected
		found({"reported_to_authority": reported, "closed": null}) == expected
	}
}

test_fields_that_are_not_there if {
	result := closed_incidents.violation with input as {"records": {"incidents": {
		"content": {"incidents": [{"closed": "2026-03-10"}, {}]},
	}}}
		with time.now_ns as now
	result == {
		{
			"subject": "record/incidents", "message": "the incident without an id is closed without a root cause",
			"observed": null, "expected": "a root cause",
		},
		{
			"subject": "record/incidents", "message": "the incident without an id is closed before it was opened",
			"observed": "2026-03-10", "expected": null,
		},
	}
}

test_no_record if {
	closed_incidents.violation == {{
		"subject": "record/incidents", "message": "the release has no such record", "observed": null,
		"expected": "a record of the kind `incidents`",
	}} with input as {}
	closed_incidents.not_applicable == {"no incidents are recorded"} with input as {"records": {"incidents": null}}
	closed_incidents.not_applicable == set() with input as {"records": {"incidents": {}}}
}
