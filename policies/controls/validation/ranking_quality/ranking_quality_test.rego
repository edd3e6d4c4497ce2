package modelgate.controls.validation.ranking_quality_test

import data.modelgate.controls.validation.ranking_quality

judged(evaluation, basis) := result if {
	result := ranking_quality.violation with input as {"evaluations": [object.union({"name": "holdout"}, evaluation)]}
		with data.parameters as {"minimum": 0.25, "basis": basis}
}

gain(value, low) := {"task": "ranking", "metrics": {"ndcg": {
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
	judged(gain(0.25, 0.125), "estimate") == set()
	judged(gain(0.5, 0.25), "confidence-bound") == set()
}

test_below_the_floor if {
	judged(gain(0.125, 0), "estimate") == complaint("ndcg is 0.1250, below 0.25", 0.125)
	worst := "ndcg is 0.5000 (0.1250 at the unfavourable end of its 95 % interval), below 0.25"
	judged(gain(0.5, 0.125), "confidence-bound") == doubtful(worst, 0.125)
}

test_not_measured if {
	judged({"task": "ranking", "metrics": {}}, "estimate") == complaint("ndcg has no value: no reason is given", null)
	nothing := {"status": "undefined", "value": null, "reason": "nothing is relevant"}
	why := "ndcg has no value: nothing is relevant"
	judged({"task": "ranking", "metrics": {"ndcg": nothing}}, "estimate") == complaint(why, null)
}

test_other_tasks_are_not_judged if {
	every task in ["binary-classification", "regression"] {
		judged(object.union(gain(0, 0), {"task": task}), "estimate") == set()
	}
}

test_it_applies_to_rankings if {
	ranking_quality.not_applicable == set() with input as {"evaluations": [{"task": "regression"}, {"task": "ranking"}]}
	reasons := ranking_quality.not_applicable with input as {"evaluations": [{"task": "regression"}]}
	reasons == {"no evaluation is a ranking"}
}
