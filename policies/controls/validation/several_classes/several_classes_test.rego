package modelgate.controls.validation.several_classes_test

import data.modelgate.controls.validation.several_classes

judged(task, metrics, basis) := result if {
	result := several_classes.violation
		with input as {"evaluations": [{"name": "holdout", "task": task, "metrics": metrics}]}
		with data.parameters as {"minimum_macro_f1": 0.5, "minimum_balanced_accuracy": 0.25, "basis": basis}
}

measure(value, low) := {"status": "ok", "value": value, "interval": {"low": low, "high": 1}, "reason": null}

metrics(f1, accuracy) := {"macro_f1": f1, "balanced_accuracy": accuracy}

complaint(message, observed, expected) := {
	"subject": "evaluation/holdout", "message": message, "observed": observed, "expected": expected,
}

doubtful(message, observed, expected) := object.union(complaint(message, observed, expected), {
	"message": concat("", [message, "; the other end of the interval meets it, and more cases may show which it is"]),
	"inconclusive": true,
})

one := "multiclass-classification"

many := "multilabel-classification"

test_at_the_floors if {
	judged(one, metrics(measure(0.5, 0), measure(0.25, 0)), "estimate") == set()
	judged(one, metrics(measure(0.75, 0.5), measure(0.75, 0.25)), "confidence-bound") == set()
	judged(many, {"macro_f1": measure(0.5, 0)}, "estimate") == set()
	judged(many, {"macro_f1": measure(0.75, 0.5)}, "confidence-bound") == set()
}

test_below_a_floor if {
	low := complaint("macro_f1 is 0.3750, below 0.5", 0.375, 0.5)
	judged(one, metrics(measure(0.375, 0), measure(0.25, 0)), "estimate") == {low}
	judged(many, {"macro_f1": measure(0.375, 0)}, "estimate") == {low}
	judged(one, metrics(measure(0.5, 0), measure(0.125, 0)), "estimate") == {complaint(
		"balanced_accuracy is 0.1250, below 0.25",
		0.125, 0.25,
	)}
	judged(one, metrics(measure(0.75, 0.375), measure(0.75, 0.125)), "confidence-bound") == {
		doubtful(
			"macro_f1 is 0.7500 (0.3750 at the unfavourable end of its 95 % interval), below 0.5",
			0.375, 0.5,
		),
		doubtful(
			"balanced_accuracy is 0.7500 (0.1250 at the unfavourable end of its 95 % interval), below 0.25",
			0.125, 0.25,
		),
	}
}

test_not_measured if {
	f1 := complaint("macro_f1 has no value: no reason is given", null, 0.5)
	judged(one, {}, "estimate") == {f1, complaint("balanced_accuracy has no value: no reason is given", null, 0.25)}
	judged(many, {}, "estimate") == {f1}
	absent := {"status": "undefined", "value": null, "reason": "no row is of the class `b`"}
	judged(one, metrics(absent, measure(0.25, 0)), "estimate") == {complaint(
		"macro_f1 has no value: no row is of the class `b`",
		null, 0.5,
	)}
}

test_other_tasks_are_not_judged if {
	every task in ["binary-classification", "regression"] {
		judged(task, metrics(measure(0, 0), measure(0, 0)), "estimate") == set()
	}
}

test_it_applies_to_several_classes if {
	every task in [one, many] {
		reasons := several_classes.not_applicable with input as {"evaluations": [{"task": "regression"}, {"task": task}]}
		reasons == set()
	}
	reasons := several_classes.not_applicable with input as {"evaluations": [{"task": "binary-classification"}]}
	reasons == {"no evaluation is of more than two classes or of several labels"}
}
