package modelgate.controls.validation.class_balance_test

import data.modelgate.controls.validation.class_balance

found(metrics) := result if {
	result := class_balance.violation with input as {"evaluations": [{"name": "holdout", "metrics": metrics}]}
		with data.parameters as {"minimum_share": 0.1}
}

rows(positives, n) := {"prevalence": {"status": "ok", "value": 0.5, "numerator": positives, "n": n}}

too_few(message, share) := {{
	"subject": "evaluation/holdout", "message": message, "observed": share, "expected": 0.1,
}}

not_counted := {{
	"subject": "evaluation/holdout", "message": "the rows of each class could not be counted",
	"observed": null, "expected": 0.1,
}}

test_at_the_floor if {
	found(rows(1, 10)) == set()
	found(rows(9, 10)) == set()
}

test_below_the_floor if {
	found(rows(9, 100)) == too_few("9 of 100 rows are positive", 0.09)
	found(rows(91, 100)) == too_few("9 of 100 rows are negative", 0.09)
	found(rows(0, 1)) == too_few("0 of 1 rows are positive", 0)
}

test_not_counted if {
	every prevalence in [
		null,
		{"status": "error", "value": 0.5, "numerator": 5, "n": 10},
		{"status": "ok", "value": null, "numerator": 5, "n": 10},
		{"status": "ok", "value": 0.5, "numerator": null, "n": 10},
		{"status": "ok", "value": 0.5, "numerator": 0, "n": 0},
		{"status": "ok", "value": 0.5, "numerator": 5, "n": null},
		{"status": "ok", "value": 0.5, "n": 10},
	] {
		found({"prevalence": prevalence}) == not_counted
	}
	found({}) == not_counted
}

test_it_applies_to_two_classes if {
	class_balance.not_applicable == set()
		with input as {"evaluations": [{"task": "regression"}, {"task": "binary-classification"}]}
	reasons := class_balance.not_applicable with input as {"evaluations": [{"task": "regression"}]}
	reasons == {"no evaluation is of two classes, one of which could be rare"}
}

test_other_tasks_are_not_judged if {
	evaluations := [{"name": "holdout", "task": "regression", "metrics": metrics} | some metrics in [{}, rows(9, 100)]]
	findings := class_balance.violation with input as {"evaluations": evaluations}
		with data.parameters as {"minimum_share": 0.1}
	findings == set()
}
