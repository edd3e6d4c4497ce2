package modelgate.controls.incidents.open_incidents_test

import data.modelgate.controls.incidents.open_incidents

# 2026-03-31.
now := 1774915200000000000

found(incidents, severity) := result if {
	result := open_incidents.violation with input as {"records": {"incidents": {
		"file": {"path": "i.yaml"}, "content": {"incidents": incidents},
	}}}
		with data.parameters as {"severity": severity}
		with time.now_ns as now
}

incident(severity, closed) := {"id": "I-1", "severity": severity, "closed": closed}

open(severity, limit) := {{
	"subject": "record/incidents", "message": sprintf("the incident I-1 is open, and its severity is %v", [severity]),
	"observed": severity, "expected": sprintf("none of severity %s or above", [limit]),
	"source": {"file": "i.yaml", "line": 1},
}}

test_none_is_open if {
	found([], "low") == set()
	found([incident("high", "2026-03-31"), incident("high", "2025-12-01")], "low") == set()
}

test_a_lesser_one_is_open if {
	found([incident("low", null)], "medium") == set()
	found([incident("medium", null)], "high") == set()
}

test_a_grave_one_is_open if {
	found([incident("medium", null)], "medium") == open("medium", "medium")
	found([incident("high", null)], "medium") == open("high", "medium")
	found([incident(null, null)], "high") == open(null, "high")
	found([incident("grave", null)], "high") == open("grave", "high")
	found([{"id": "I-1"}], "high") == open(null, "high")
}

test_not_closed_yet if {
	every closed in ["2026-04-01", "soon", true] {
		found([incident("high", closed)], "high") == open("high", "high")
	}
}

test_no_record if {
	open_incidents.violation == {{
		"subject": "record/incidents", "message": "the release has no such record", "observed": null,
		"expected": "a record of the kind `incidents`",
	}} with input as {}
	open_incidents.not_applicable == {"no incidents are recorded"} with input as {"records": {"incidents": null}}
	open_incidents.not_applicable == set() with input as {"records": {"incidents": {}}}
}
