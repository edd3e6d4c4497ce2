package modelgate.controls.validation.forecast_skill_test

import data.modelgate.controls.validation.forecast_skill

parameters(required, basis) := {"maximum": 1, "basis": basis, "required": required}

release(evaluation) := {"evaluations": [object.union({"name": "holdout", "task": "forecasting"}, evaluation)]}

judged(evaluation, basis) := result if {
	result := forecast_skill.violation with input as release(evaluation) with data.parameters as parameters(true, basis)
}

error(value, high) := {"columns": {"scale": "naive_error"}, "metrics": {"mean_absolute_scaled_error": {
	"status": "ok", "value": value, "interval": {"low": 0, "high": high}, "reason": null,
}}}

complaint(message, observed) := {{
	"subject": "evaluation/holdout", "message": message, "observed": observed, "expected": 1,
}}

doubtful(message, observed) := {object.union(finding, {"message": concat("", [finding.message, doubt]), "inconclusive": true}) |
	some finding in complaint(message, observed)
}

doubt := "; the other end of the interval meets it, and more cases may show which it is"

test_at_the_ceiling if {
	judged(error(1, 1.5), "estimate") == set()
	judged(error(0.5, 1), "confidence-bound") == set()
}

test_above_the_ceiling if {
	judged(error(1.125, 1.5), "estimate") == complaint("mean_absolute_scaled_error is 1.1250, above 1", 1.125)
	worst := "mean_absolute_scaled_error is 0.5000 (1.5000 at the unfavourable end of its 95 % interval), above 1"
	judged(error(0.5, 1.5), "confidence-bound") == doubtful(worst, 1.5)
}

test_not_measured if {
	scaled := {"columns": {"scale": "naive_error"}}
	message := "mean_absolute_scaled_error has no value: no reason is given"
	judged(object.union(scaled, {"metrics": {}}), "estimate") == complaint(message, null)
	constant := {"status": "undefined", "value": null, "reason": "1 of 2 series have a scale that is not above 0"}
	why := "mean_absolute_scaled_error has no value: 1 of 2 series have a scale that is not above 0"
	measure := {"metrics": {"mean_absolute_scaled_error": constant}}
	judged(object.union(scaled, measure), "estimate") == complaint(why, null)
}

test_without_a_scale if {
	every columns in [{}, {"scale": null}, {"scale": ""}] {
		evaluation := {"columns": columns, "metrics": error(1.5, 1.5).metrics}
		judged(evaluation, "estimate") == {{
			"subject": "evaluation/holdout",
			"message": "no scale is declared by which the forecast could be compared with the seasonal naive one",
			"observed": null, "expected": "a column under `columns.scale`",
		}}
		tolerated := forecast_skill.violation with input as release(evaluation)
			with data.parameters as parameters(false, "estimate")
		tolerated == set()
		reasons := forecast_skill.not_applicable with input as release(evaluation)
			with data.parameters as parameters(false, "estimate")
		reasons == {"no forecast has a scale that makes its errors those of the seasonal naive one"}
		required := forecast_skill.not_applicable with input as release(evaluation)
			with data.parameters as parameters(true, "estimate")
		required == set()
	}
}

test_a_scale_is_judged_by_also_where_none_is_required if {
	findings := forecast_skill.violation with input as release(error(1.5, 1.5))
		with data.parameters as parameters(false, "estimate")
	findings == complaint("mean_absolute_scaled_error is 1.5000, above 1", 1.5)
	forecast_skill.not_applicable == set() with input as release(error(1.5, 1.5))
		with data.parameters as parameters(false, "estimate")
}

test_other_tasks_are_not_judged if {
	every task in ["binary-classification", "regression"] {
		judged(object.union(error(1.5, 1.5), {"task": task}), "estimate") == set()
		judged({"columns": {}, "metrics": {}, "task": task}, "estimate") == set()
	}
}

test_it_applies_to_forecasts if {
	every required in [true, false] {
		reasons := forecast_skill.not_applicable with input as release({"task": "regression"})
			with data.parameters as parameters(required, "estimate")
		reasons == {"no evaluation is a forecast"}
	}
}
