package modelgate.controls.fairness.impact_ratio_test

import data.modelgate.controls.fairness.impact_ratio

sex := {"column": "sex", "value": "female", "protected": true}

compared(changes) := object.union({
	"column": "sex", "comparison": "impact_ratio", "status": "ok", "value": 0.9, "interval": null, "reason": null,
	"lowest_group": "female", "highest_group": "male",
}, changes)

found(comparisons) := result if {
	result := impact_ratio.violation with input as {"evaluations": [{"name": "holdout", "slices": [sex], "comparisons": comparisons}]}
		with data.parameters as {"minimum": 0.8}
}

test_alike if found([compared({"value": 0.8})]) == set()

test_unlike if found([compared({"value": 0.75})]) == {{
	"subject": "evaluation/holdout/sex", "message": "the favourable rate of `female` is 0.75 times that of `male`",
	"observed": 0.75, "expected": 0.8,
}}

test_other_comparisons_are_not_judged_here if found([compared({}), compared({"comparison": "recall_difference", "value": 0.1})]) == set()

test_an_undefined_comparison_is_not_an_equality if found([compared({"status": "undefined", "value": null, "reason": "a group is empty"})]) == {{
	"subject": "evaluation/holdout/sex", "message": "the groups cannot be compared: a group is empty",
	"observed": null, "expected": 0.8,
}}

test_a_missing_comparison_is_not_an_equality if {
	expected := {{
		"subject": "evaluation/holdout/sex", "message": "the groups cannot be compared: ", "observed": null, "expected": 0.8,
	}}
	found([]) == expected
	found([compared({"comparison": "recall_difference"})]) == expected
}

test_each_evaluation_is_judged_by_its_own_comparisons if {
	second := {"name": "second", "slices": [sex], "comparisons": []}
	first := {"name": "first", "slices": [sex], "comparisons": [compared({})]}
	findings := impact_ratio.violation with input as {"evaluations": [first, second]} with data.parameters as {"minimum": 0.8}
	{finding.subject | some finding in findings} == {"evaluation/second/sex"}
}

test_it_applies_to_protected_attributes if {
	impact_ratio.not_applicable == set() with input as {"evaluations": [{"name": "holdout", "slices": [sex]}]}
	unprotected := {"evaluations": [{"name": "holdout", "slices": [object.union(sex, {"protected": false})]}]}
	impact_ratio.not_applicable == {"no protected attribute is evaluated (FAI-001 asks for it where people are concerned)"}
		with input as unprotected
}

undefined(column, reason) := compared({"column": column, "status": "undefined", "value": null, "reason": reason})

test_the_reasons_are_those_of_the_column if {
	findings := found([undefined("sex", "one"), undefined("sex", "two"), undefined("age", "three")])
	{finding.message | some finding in findings} == {"the groups cannot be compared: one; two"}
}

test_it_applies_to_two_classes if {
	protected := [sex]
	impact_ratio.not_applicable == set() with input as {"evaluations": [
		{"name": "first", "task": "regression", "slices": protected},
		{"name": "second", "task": "binary-classification", "slices": protected},
	]}
	reasons := impact_ratio.not_applicable
		with input as {"evaluations": [{"name": "first", "task": "regression", "slices": protected}]}
	reasons == {"no evaluation is of two classes (FAI-006 judges other tasks)"}
}

test_other_tasks_are_not_judged if {
	evaluations := [{"name": "holdout", "task": "regression", "slices": [sex], "comparisons": comparisons} |
		some comparisons in [[], [compared({"value": 0.5})]]
	]
	findings := impact_ratio.violation with input as {"evaluations": evaluations} with data.parameters as {"minimum": 0.8}
	findings == set()
}
