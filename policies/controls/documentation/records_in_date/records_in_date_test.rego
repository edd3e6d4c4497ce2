package modelgate.controls.documentation.records_in_date_test

import data.modelgate.controls.documentation.records_in_date

# 2026-03-31.
now := 1774915200000000000

facts(value) := {"model": {"version": "2.0"}, "records": {"change_log": null, "threat_model": value}}

found(changes) := result if {
	header := {"file": {"path": "t.yaml"}, "date": "2026-03-15", "review_by": null, "model_version": null}
	result := records_in_date.violation with input as facts(object.union(header, changes))
		with data.parameters as {"maximum_age_days": 30}
		with time.now_ns as now
}

at(problem) := {object.union({"subject": "record/threat-model", "source": {"file": "t.yaml", "line": 1}}, problem)}

test_in_date if {
	found({}) == set()
	found({"date": "2026-03-01"}) == set()
	found({"date": "2026-03-31"}) == set()
	found({"review_by": "2026-03-31"}) == set()
	found({"review_by": "2026-04-01"}) == set()
	found({"model_version": "2.0"}) == set()
}

test_too_old_or_to_come if {
	every date in ["2026-02-28", "2026-04-01", null, 7, "March"] {
		found({"date": date}) == at({
			"message": sprintf("the record is of %v, not of the last 30 days", [date]),
			"observed": date, "expected": "at most 30 days ago",
		})
	}
}

test_to_be_looked_at_again if {
	every day in ["2026-03-30", "soon", 7, false] {
		found({"review_by": day}) == at({
			"message": sprintf("the record was to be looked at again by %v", [day]),
			"observed": day, "expected": "today or later",
		})
	}
}

test_another_version if {
	every version in ["1.0", 2.0, false] {
		found({"model_version": version}) == at({
			"message": sprintf("the record was written for the version %v", [version]),
			"observed": version, "expected": "2.0",
		})
	}
}

test_every_record_is_looked_at if {
	records := {
		"change_log": {"date": "2025-01-01"},
		"incidents": {"date": "2026-03-31"},
		"exceptions": {"date": "2025-01-01"},
	}
	result := records_in_date.violation with input as {"records": records}
		with data.parameters as {"maximum_age_days": 30}
		with time.now_ns as now
	{finding.subject | some finding in result} == {"record/change-log", "record/exceptions"}
}

test_what_is_no_record_is_not_in_date if {
	result := records_in_date.violation with input as facts({}) with data.parameters as {"maximum_age_days": 30}
	count(result) == 1
}

test_records_are_not_known if {
	every other in [{}, {"records": "none"}] {
		result := records_in_date.violation with input as other with data.parameters as {"maximum_age_days": 30}
		result == {{
			"subject": "release", "message": "the records of the release are not known", "observed": null,
			"expected": "its records",
		}}
	}
}

test_it_applies_where_there_are_records if {
	records_in_date.not_applicable == {"the release has no records"} with input as facts(null)
	records_in_date.not_applicable == set() with input as facts({})
	records_in_date.not_applicable == set() with input as {}
}
