package modelgate.controls.validation.discrimination_test

import data.modelgate.controls.validation.discrimination

found(metrics) := result if {
	result := discrimination.violation with input as {"evaluations": [{"name": "holdout", "metrics": metrics}]}
		with data.parameters as {"minimum": 0.7, "basis": "estimate"}
}

area(value) := {"roc_auc": {"status": "ok", "value": value, "interval": null, "reason": "one class is small"}}

test_above_the_floor if found(area(0.7)) == set()

test_below_the_floor if found(area(0.6)) == {{
	"subject": "evaluation/holdout", "message": "roc_auc is 0.6000, below 0.7", "observed": 0.6, "expected": 0.7,
}}

test_not_measured if found({}) == {{
	"subject": "evaluation/holdout", "message": "roc_auc has no value: no reason is given", "observed": null, "expected": 0.7,
}}

test_it_applies_to_two_classes if {
	discrimination.not_applicable == set()
		with input as {"evaluations": [{"task": "regression"}, {"task": "binary-classification"}]}
	reasons := discrimination.not_applicable with input as {"evaluations": [{"task": "regression"}]}
	reasons == {"no evaluation is of two classes (VAL-012, VAL-013, VAL-015 and VAL-016 judge other tasks)"}
}

test_other_tasks_are_not_judged if {
	evaluations := [{"name": "holdout", "task": "regression", "metrics": metrics} | some metrics in [{}, area(0.6)]]
	findings := discrimination.violation with input as {"evaluations": evaluations}
		with data.parameters as {"minimum": 0.7, "basis": "estimate"}
	findings == set()
}
