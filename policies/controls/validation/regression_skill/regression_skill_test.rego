package modelgate.controls.validation.regression_skill_test

import data.modelgate.controls.validation.regression_skill

judged(evaluation, basis) := result if {
	result := regression_skill.violation with input as {"evaluations": [object.union({"name": "holdout"}, evaluation)]}
		with data.parameters as {"minimum": 0.25, "basis": basis}
}

explained(value, low) := {"task": "regression", "metrics": {"r_squared": {
	"status": "ok", "value": value, "interval": {"low": low, "high": 1}, "reason": null,
}}}

complaint(message, observed) := {{
	"subject": "evaluation/holdout", "message": message, "observed": observed, "expected": 0.25,
}}

doubtful(message, observed) := {object.union(finding, {"message": concat("", [finding.message, doubt]), "inconclusive": true}) |
	some finding in complaint(message, observed)
}

doubt := "; the other end of the interval meets it, and more cases may show which it is"

test_at_the_floor if {
	judged(explained(0.25, 0.125), "estimate") == set()
	judged(explained(0.5, 0.25), "confidence-bound") == set()
}

test_below_the_floor if {
	judged(explained(0.125, 0), "estimate") == complaint("r_squared is 0.1250, below 0.25", 0.125)
	worst := "r_squared is 0.5000 (0.1250 at the unfavourable end of its 95 % interval), below 0.25"
	judged(explained(0.5, 0.125), "confidence-bound") == doubtful(worst, 0.125)
}

test_not_measured if {
	message := "r_squared has no value: no reason is given"
	judged({"task": "regression", "metrics": {}}, "estimate") == complaint(message, null)
	constant := {"status": "undefined", "value": null, "reason": "all actual values are the same"}
	why := "r_squared has no value: all actual values are the same"
	judged({"task": "regression", "metrics": {"r_squared": constant}}, "estimate") == complaint(why, null)
}

test_other_tasks_are_not_judged if {
	every task in ["binary-classification", "forecasting"] {
		judged(object.union(explained(0, 0), {"task": task}), "estimate") == set()
	}
}

test_it_applies_to_regressions if {
	regression_skill.not_applicable == set() with input as {"evaluations": [{"task": "ranking"}, {"task": "regression"}]}
	reasons := regression_skill.not_applicable with input as {"evaluations": [{"task": "ranking"}]}
	reasons == {"no evaluation is a regression"}
}
