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
