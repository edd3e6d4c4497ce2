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
	count(error_rate_gaps.not_applicable) == 1 with input as {"evaluations": [{"slices": [{"column": "sex", "protected": false}]}]}
}
