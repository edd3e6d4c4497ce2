package modelgate.controls.validation.slice_performance_test

import data.modelgate.controls.validation.slice_performance

area(value) := {"roc_auc": {"status": "ok", "value": value, "interval": null, "reason": null}}

undefined := {"roc_auc": {"status": "undefined", "value": null, "interval": null, "reason": "only one class"}}

found(overall, metrics, rows) := result if {
	result := slice_performance.violation with input as {"evaluations": [{
		"name": "holdout", "metrics": overall,
		"slices": [{"column": "sex", "value": "female", "rows": rows, "metrics": metrics}],
	}]} with data.parameters as {"maximum_gap": 0.125, "minimum_rows": 50}
}

test_a_small_gap if {
	found(area(0.75), area(0.625), 50) == set()
	found(area(0.75), area(0.9), 50) == set()
}

test_a_large_gap if found(area(0.75), area(0.5), 50) == {{
	"subject": "evaluation/holdout/slice/sex=female", "message": "roc_auc is 0.5000, and 0.7500 over all rows",
	"observed": 0.5, "expected": 0.625,
}}

test_a_small_group_is_not_judged if {
	found(area(0.75), area(0.5), 49) == set()
	found(area(0.75), undefined, 49) == set()
}

test_a_group_without_a_value if found(area(0.75), undefined, 50) == {{
	"subject": "evaluation/holdout/slice/sex=female", "message": "roc_auc has no value: only one class",
	"observed": null, "expected": "a value",
}}

test_nothing_to_compare_with if found(undefined, area(0.9), 50) == {{
	"subject": "evaluation/holdout", "message": "roc_auc has no value to compare subgroups with",
	"observed": null, "expected": "a value",
}}

test_it_applies_to_two_classes if {
	slice_performance.not_applicable == set()
		with input as {"evaluations": [{"task": "regression"}, {"task": "binary-classification"}]}
	reasons := slice_performance.not_applicable with input as {"evaluations": [{"task": "regression"}]}
	reasons == {"no evaluation is of two classes (FAI-006 judges protected groups of other tasks)"}
}

test_other_tasks_are_not_judged if {
	slices := [{"column": "sex", "value": "female", "rows": 50, "metrics": metrics} | some metrics in [area(0.5), undefined]]
	evaluations := [{"name": "holdout", "task": "regression", "metrics": metrics, "slices": slices} |
		some metrics in [area(0.75), undefined]
	]
	findings := slice_performance.violation with input as {"evaluations": evaluations}
		with data.parameters as {"maximum_gap": 0.125, "minimum_rows": 50}
	findings == set()
}
