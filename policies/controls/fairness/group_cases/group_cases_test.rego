package modelgate.controls.fairness.group_cases_test

import data.modelgate.controls.fairness.group_cases

main_metrics := {
	"regression": "mean_absolute_error", "forecasting": "mean_absolute_error", "ranking": "ndcg",
	"multiclass-classification": "accuracy", "multilabel-classification": "micro_f1",
}

counted(n) := {"status": "ok", "value": 0.5, "n": n}

group(metrics, changes) := object.union({
	"column": "sex", "value": "female", "protected": true, "missing": false, "rows": 6, "metrics": metrics,
}, changes)

few := {"mean_absolute_error": counted(59)}

judged(task, slices) := result if {
	result := group_cases.violation
		with input as {"evaluations": [{"name": "holdout", "task": task, "rows": {"total": 100}, "slices": slices}]}
		with data.parameters as {"minimum_cases": 60, "maximum_missing_share": 0.05}
}

complaint(message, observed) := {{
	"subject": "evaluation/holdout/slice/sex=female", "message": message, "observed": observed, "expected": 60,
}}

test_large_enough if {
	every task, metric in main_metrics {
		judged(task, [group({metric: counted(60)}, {})]) == set()
	}
}

test_too_small if {
	every task, metric in main_metrics {
		found := judged(task, [group({metric: counted(59)}, {})])
		found == complaint("the group has 59 cases", 59)
	}
}

broken := [
	null, counted(null), counted("60"), {"status": "ok", "value": 0.5},
	object.union(counted(0), {"status": "error"}), object.union(counted(60), {"value": null}),
]

test_not_counted if {
	every task, metric in main_metrics {
		message := sprintf("the cases of the group could not be counted: %s has no value", [metric])
		every measure in broken {
			judged(task, [group({metric: measure}, {})]) == complaint(message, null)
		}
		judged(task, [group({}, {})]) == complaint(message, null)
	}
}

test_missing_values if {
	judged("regression", [group(few, {"missing": true, "rows": 5})]) == set()
	every task, _ in main_metrics {
		judged(task, [group(few, {"missing": true})]) == {{
			"subject": "evaluation/holdout/slice/sex", "message": "6 of 100 rows have no value",
			"observed": 0.06, "expected": 0.05,
		}}
	}
}

test_only_protected_groups_with_a_value_are_counted if {
	every measure in array.concat(broken, [counted(1)]) {
		metrics := {"mean_absolute_error": measure}
		judged("regression", [group(metrics, {"protected": false})]) == set()
		judged("regression", [group(metrics, {"missing": true, "rows": 5})]) == set()
	}
	judged("regression", [group(few, {"missing": true, "protected": false})]) == set()
}

test_two_classes_are_counted_elsewhere if {
	every task in ["binary-classification", "clustering"] {
		judged(task, [group(few, {}), group({}, {}), group(few, {"missing": true})]) == set()
	}
}

test_it_applies_to_other_tasks if {
	every task, _ in main_metrics {
		reasons := group_cases.not_applicable with input as {"evaluations": [{"task": task, "slices": [group(few, {})]}]}
		reasons == set()
	}
	reasons := group_cases.not_applicable
		with input as {"evaluations": [{"task": "binary-classification", "slices": [group(few, {})]}]}
	reasons == {"every evaluation is of two classes (FAI-004 counts the cases of their groups)"}
}

test_it_applies_to_protected_attributes if {
	every slices in [[], [group(few, {"protected": false})]] {
		reasons := group_cases.not_applicable with input as {"evaluations": [{"task": "regression", "slices": slices}]}
		reasons == {"no protected attribute is evaluated (FAI-001 asks for it where people are concerned)"}
	}
}
