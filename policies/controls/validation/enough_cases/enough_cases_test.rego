package modelgate.controls.validation.enough_cases_test

import data.modelgate.controls.validation.enough_cases

judged(task, metrics) := result if {
	result := enough_cases.violation
		with input as {"evaluations": [{"name": "holdout", "task": task, "metrics": metrics}]}
		with data.parameters as {"minimum_cases": 60}
}

main_metrics := {
	"regression": "mean_absolute_error", "forecasting": "mean_absolute_error", "ranking": "ndcg",
	"multiclass-classification": "accuracy", "multilabel-classification": "micro_f1",
}

counted(n) := {"status": "ok", "value": 0.5, "n": n}

complaint(message, observed) := {{
	"subject": "evaluation/holdout", "message": message, "observed": observed, "expected": 60,
}}

test_enough if {
	every task, metric in main_metrics {
		judged(task, {metric: counted(60)}) == set()
	}
}

test_too_few if {
	every task, metric in main_metrics {
		judged(task, {metric: counted(59)}) == complaint("there are 59 cases", 59)
	}
}

test_not_counted if {
	every task, metric in main_metrics {
		message := sprintf("the cases could not be counted: %s has no value", [metric])
		every measure in [
			null, counted(null), counted("60"), object.union(counted(0), {"status": "error"}),
			object.union(counted(60), {"value": null}), {"status": "ok", "value": 0.5},
		] {
			judged(task, {metric: measure}) == complaint(message, null)
		}
		judged(task, {}) == complaint(message, null)
	}
}

test_two_classes_are_counted_elsewhere if {
	every task in ["binary-classification", "clustering"] {
		judged(task, {}) == set()
		judged(task, {"accuracy": counted(1)}) == set()
	}
}

test_it_applies_to_other_tasks if {
	every task, _ in main_metrics {
		reasons := enough_cases.not_applicable
			with input as {"evaluations": [{"task": "binary-classification"}, {"task": task}]}
		reasons == set()
	}
	reasons := enough_cases.not_applicable with input as {"evaluations": [{"task": "binary-classification"}]}
	reasons == {"every evaluation is of two classes (VAL-002 counts their cases)"}
}
