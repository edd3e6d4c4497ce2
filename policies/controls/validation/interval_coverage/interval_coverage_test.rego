package modelgate.controls.validation.interval_coverage_test

import data.modelgate.controls.validation.interval_coverage

parameters(required, basis) := {
	"most_below": 0.0625, "most_above": 0.0625, "basis": basis, "required": required,
}

release(evaluation) := {"evaluations": [object.union({"name": "holdout", "interval_level": 0.8125}, evaluation)]}

judged(evaluation, basis) := result if {
	result := interval_coverage.violation with input as release(evaluation)
		with data.parameters as parameters(true, basis)
}

both := {"lower": "low", "upper": "high"}

covered(value, low, high) := {"task": "regression", "columns": both, "metrics": {"interval_coverage": {
	"status": "ok", "value": value, "interval": {"low": low, "high": high}, "reason": null,
}}}

complaint(message, observed, expected) := {
	"subject": "evaluation/holdout", "message": message, "observed": observed, "expected": expected,
}

doubtful(message, observed, expected) := object.union(complaint(message, observed, expected), {
	"message": concat("", [message, "; the other end of the interval meets it, and more cases may show which it is"]),
	"inconclusive": true,
})

test_at_the_bounds if {
	judged(covered(0.75, 0, 1), "estimate") == set()
	judged(covered(0.875, 0, 1), "estimate") == set()
	judged(covered(0.8, 0.75, 0.875), "confidence-bound") == set()
}

test_beyond_the_bounds if {
	judged(covered(0.625, 0, 1), "estimate") == {complaint("interval_coverage is 0.6250, below 0.75", 0.625, 0.75)}
	judged(covered(0.9375, 0, 1), "estimate") == {complaint("interval_coverage is 0.9375, above 0.875", 0.9375, 0.875)}
	judged(covered(0.8, 0.5, 0.9375), "confidence-bound") == {
		doubtful(
			"interval_coverage is 0.8000 (0.5000 at the unfavourable end of its 95 % interval), below 0.75",
			0.5, 0.75,
		),
		doubtful(
			"interval_coverage is 0.8000 (0.9375 at the unfavourable end of its 95 % interval), above 0.875",
			0.9375, 0.875,
		),
	}
}

test_the_level_is_declared if {
	every level in [null, "0.8125"] {
		judged(object.union(covered(0.8, 0, 1), {"interval_level": level}), "estimate") == {complaint(
			"it is not declared how much of what happens the predicted intervals are to hold",
			null, "`interval_level`, such as 0.9",
		)}
	}
}

test_forecasts_are_judged_too if {
	forecast := object.union(covered(0.5, 0, 1), {"task": "forecasting"})
	judged(forecast, "estimate") == {complaint("interval_coverage is 0.5000, below 0.75", 0.5, 0.75)}
}

test_not_measured if {
	every columns in [both, {"lower": "low"}, {"upper": "high"}] {
		evaluation := {"task": "regression", "columns": columns, "metrics": {}}
		judged(evaluation, "estimate") == {complaint("interval_coverage has no value: no reason is given", null, 0.75)}
	}
	bare := {"status": "ok", "value": 0.875, "interval": null, "reason": "one cluster"}
	evaluation := {"task": "regression", "columns": both, "metrics": {"interval_coverage": bare}}
	judged(evaluation, "confidence-bound") == {complaint(
		"interval_coverage has no confidence-bound to be judged by: one cluster",
		0.875, 0.75,
	)}
}

test_without_intervals if {
	every columns in [{}, {"lower": null, "upper": ""}] {
		evaluation := {"task": "forecasting", "columns": columns, "metrics": covered(0, 0, 0).metrics}
		judged(evaluation, "estimate") == {complaint(
			"no predicted intervals are declared: how sure the predictions are is not known",
			null, "columns under `columns.lower` and `columns.upper`",
		)}
		tolerated := interval_coverage.violation with input as release(evaluation)
			with data.parameters as parameters(false, "estimate")
		tolerated == set()
		reasons := interval_coverage.not_applicable with input as release(evaluation)
			with data.parameters as parameters(false, "estimate")
		reasons == {"no intervals are predicted"}
		required := interval_coverage.not_applicable with input as release(evaluation)
			with data.parameters as parameters(true, "estimate")
		required == set()
	}
}

test_intervals_are_judged_also_where_none_are_required if {
	findings := interval_coverage.violation with input as release(covered(0.5, 0, 1))
		with data.parameters as parameters(false, "estimate")
	findings == {complaint("interval_coverage is 0.5000, below 0.75", 0.5, 0.75)}
	interval_coverage.not_applicable == set() with input as release(covered(0.5, 0, 1))
		with data.parameters as parameters(false, "estimate")
}

test_other_tasks_are_not_judged if {
	every task in ["binary-classification", "ranking"] {
		judged(object.union(covered(0.5, 0, 1), {"task": task}), "estimate") == set()
		judged(object.union(covered(0.9375, 0, 1), {"task": task}), "estimate") == set()
		judged({"task": task, "columns": {}, "metrics": {}}, "estimate") == set()
	}
}

test_it_applies_to_numbers if {
	every required in [true, false] {
		reasons := interval_coverage.not_applicable with input as release({"task": "ranking"})
			with data.parameters as parameters(required, "estimate")
		reasons == {"no evaluation predicts numbers"}
	}
}
