package modelgate.controls.fairness.error_rate_gaps_test

import data.modelgate.controls.fairness.error_rate_gaps

compared(comparison, value) := {
	"column": "sex", "comparison": comparison, "status": "ok", "value": value, "interval": null, "reason": null,
	"lowest_group": "female", "highest_group": "male",
}

found(comparisons) := result if {
	result := error_rate_gaps.violation with input as {"evaluations": [{
		"name": "holdout", "slices": [{"column": "sex", "protected": true}], "comparisons": comparisons,
	}]} with data.parameters as {"maximum": 0.25}
}

test_alike if found([compared("recall_difference", 0.25), compared("specificity_difference", 0)]) == set()

test_other_comparisons_are_not_judged_here if found([
	compared("recall_difference", 0.1), compared("specificity_difference", 0.1), compared("impact_ratio", 0.9),
]) == set()

test_unlike if {
	found([compared("recall_difference", 0.3), compared("specificity_difference", 0)]) == {{
		"subject": "evaluation/holdout/sex", "message": "recall difference is 0.3000, between `female` and `male`",
		"observed": 0.3, "expected": 0.25,
	}}
	found([compared("recall_difference", 0.1), compared("specificity_difference", 0.3)]) == {{
		"subject": "evaluation/holdout/sex", "message": "specificity difference is 0.3000, between `female` and `male`",
		"observed": 0.3, "expected": 0.25,
	}}
}

test_what_cannot_be_compared_is_not_alike if found([object.union(compared("recall_difference", 0.1), {"status": "undefined", "value": null})]) == {
	{"subject": "evaluation/holdout/sex", "message": "recall difference cannot be computed", "observed": null, "expected": 0.25},
	{"subject": "evaluation/holdout/sex", "message": "specificity difference cannot be computed", "observed": null, "expected": 0.25},
}

test_it_applies_to_protected_attributes if {
	error_rate_gaps.not_applicable == set() with input as {"evaluations": [{"slices": [{"column": "sex", "protected": true}]}]}
	reasons := error_rate_gaps.not_applicable with input as {"evaluations": [{"slices": [{"column": "sex", "protected": false}]}]}
	reasons == {"no protected attribute is evaluated (FAI-001 asks for it where people are concerned)"}
}

cannot_be_computed(rate) := {
	"subject": "evaluation/holdout/sex", "message": sprintf("%s difference cannot be computed", [rate]),
	"observed": null, "expected": 0.25,
}

test_each_rate_must_be_compared if {
	found([compared("recall_difference", 0.1)]) == {cannot_be_computed("specificity")}
	found([compared("specificity_difference", 0.1)]) == {cannot_be_computed("recall")}
}

test_a_value_without_the_status_is_none if {
	broken := object.union(compared("recall_difference", 0.5), {"status": "error"})
	found([broken, compared("specificity_difference", 0.1)]) == {cannot_be_computed("recall")}
}

test_other_attributes_need_no_comparison if {
	findings := error_rate_gaps.violation with input as {"evaluations": [{
		"name": "holdout", "slices": [{"column": "housing", "protected": false}], "comparisons": [],
	}]}
		with data.parameters as {"maximum": 0.25}
	findings == set()
}

test_it_applies_to_two_classes if {
	protected := [{"column": "sex", "protected": true}]
	error_rate_gaps.not_applicable == set() with input as {"evaluations": [
		{"name": "first", "task": "regression", "slices": protected},
		{"name": "second", "task": "binary-classification", "slices": protected},
	]}
	reasons := error_rate_gaps.not_applicable
		with input as {"evaluations": [{"name": "first", "task": "regression", "slices": protected}]}
	reasons == {"no evaluation is of two classes (FAI-006 judges other tasks)"}
}

test_other_tasks_are_not_judged if {
	slices := [{"column": "sex", "protected": true}]
	evaluations := [{"name": "holdout", "task": "regression", "slices": slices, "comparisons": comparisons} |
		some comparisons in [[], [compared("recall_difference", 0.5)]]
	]
	findings := error_rate_gaps.violation with input as {"evaluations": evaluations}
		with data.parameters as {"maximum": 0.25}
	findings == set()
}
