package modelgate.controls.validation.enough_rows_test

import data.modelgate.controls.validation.enough_rows

found(prevalence) := result if {
	result := enough_rows.violation with input as {"evaluations": [{"name": "holdout", "metrics": {"prevalence": prevalence}}]}
		with data.parameters as {"minimum_positives": 30, "minimum_negatives": 50}
}

counted(positives, n) := {"status": "ok", "value": positives / n, "numerator": positives, "n": n}

test_enough if found(counted(30, 80)) == set()

test_too_few_positives if found(counted(29, 100)) == {{
	"subject": "evaluation/holdout", "message": "there are 29 positive cases", "observed": 29, "expected": 30,
}}

test_too_few_negatives if found(counted(30, 79)) == {{
	"subject": "evaluation/holdout", "message": "there are 49 negative cases", "observed": 49, "expected": 50,
}}

test_not_counted if found({"status": "error", "value": null, "numerator": null, "n": 0}) == {{
	"subject": "evaluation/holdout", "message": "the cases of each class could not be counted", "observed": null, "expected": 30,
}}

test_it_applies_to_two_classes if {
	enough_rows.not_applicable == set()
		with input as {"evaluations": [{"task": "regression"}, {"task": "binary-classification"}]}
	reasons := enough_rows.not_applicable with input as {"evaluations": [{"task": "regression"}]}
	reasons == {"no evaluation is of two classes (VAL-017 counts the cases of other tasks)"}
}

test_other_tasks_are_not_judged if {
	evaluations := [{"name": "holdout", "task": "regression", "metrics": metrics} | some metrics in [{}, {"prevalence": counted(1, 2)}]]
	findings := enough_rows.violation with input as {"evaluations": evaluations}
		with data.parameters as {"minimum_positives": 30, "minimum_negatives": 50}
	findings == set()
}

test_weighted_rows_are_counted_as_rows if {
	weighted := {
		"prevalence": {"status": "ok", "value": 0.5, "numerator": null, "n": 79},
		"recall": {"status": "ok", "value": 0.5, "n": 29}, "specificity": {"status": "ok", "value": 0.5, "n": 50},
	}
	findings := enough_rows.violation with input as {"evaluations": [{"name": "holdout", "metrics": weighted}]}
		with data.parameters as {"minimum_positives": 30, "minimum_negatives": 50}
	{finding.message | some finding in findings} == {"there are 29 positive cases"}
}
