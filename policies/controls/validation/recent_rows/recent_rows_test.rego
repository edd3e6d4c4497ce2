package modelgate.controls.validation.recent_rows_test

import data.modelgate.controls.validation.recent_rows

# The 1st of March 2026, a day after the 28th of February.
now := 1772323200000000000

parameters(required) := {"maximum_age_days": 30, "required": required}

release(evaluation) := {"evaluations": [object.union({"name": "holdout"}, evaluation)]}

found(to) := result if {
	result := recent_rows.violation with input as release({"period": {"from": "2020-01-01", "to": to}})
		with data.parameters as parameters(true)
		with time.now_ns as now
}

test_recent if {
	found("2026-01-30") == set()
	found("2026-02-28") == set()
	found("2026-03-01") == set()
}

test_too_old if {
	found("2026-01-29") == {{
		"subject": "evaluation/holdout", "message": "the last rows are of 2026-01-29, and the decision is of 2026-03-01",
		"observed": "2026-01-29", "expected": "2026-01-30 or later",
	}}
	count(found("1975-12-31")) == 1
}

test_in_the_future if found("2026-03-02") == {{
	"subject": "evaluation/holdout", "message": "the last rows are of 2026-03-02, after the decision of 2026-03-01",
	"observed": "2026-03-02", "expected": "2026-03-01 or earlier",
}}

test_not_a_day if {
	every to in [null, 20260228, "yesterday", "x2026-02-28", "2026-02-28T00:00:00Z", ["2026-02-28"]] {
		found(to) == {{
			"subject": "evaluation/holdout", "message": "the end of the period is not a day",
			"observed": to, "expected": "YYYY-MM-DD",
		}}
	}
	findings := recent_rows.violation with input as release({"period": {}})
		with data.parameters as parameters(false)
	{finding.observed | some finding in findings} == {null}
}

test_no_period if {
	every evaluation in [{}, {"period": null}, {"period": "2026"}] {
		findings := recent_rows.violation with input as release(evaluation) with data.parameters as parameters(true)
		findings == {{
			"subject": "evaluation/holdout", "message": "it is not declared which period the rows are from",
			"observed": null, "expected": "`period`",
		}}
		tolerated := recent_rows.violation with input as release(evaluation)
			with data.parameters as parameters(false)
		tolerated == set()
		reasons := recent_rows.not_applicable with input as release(evaluation)
			with data.parameters as parameters(false)
		reasons == {"no evaluation declares the period that its rows are from"}
	}
}

test_it_applies_where_a_period_is_required_or_there if {
	recent_rows.not_applicable == set() with input as release({}) with data.parameters as parameters(true)
	recent_rows.not_applicable == set() with input as release({"period": {}})
		with data.parameters as parameters(false)
}
