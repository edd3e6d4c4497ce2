package modelgate.controls.fairness.significant_gaps_test

import data.modelgate.controls.fairness.significant_gaps

parameters(required) := {"significance": 0.05, "maximum": 0.125, "minimum_ratio": 0.75, "required": required}

compared(comparison, value, p_value) := {
	"column": "sex", "comparison": comparison, "status": "ok", "value": value, "adjusted_p_value": p_value,
	"lowest_group": "female", "highest_group": "male",
}

release(comparisons) := {"evaluations": [{
	"name": "holdout", "comparisons": comparisons,
	"slices": [{"column": "sex", "protected": true}, {"column": "housing", "protected": false}],
}]}

found(comparisons) := result if {
	result := significant_gaps.violation with input as release(comparisons)
		with data.parameters as parameters(false)
}

complaint(message, observed, expected) := {
	"subject": "evaluation/holdout/sex", "message": message, "observed": observed, "expected": expected,
}

differences := {
	"recall_difference": "recall difference",
	"specificity_difference": "specificity difference",
	"roc_auc_difference": "roc auc difference",
}

test_small if {
	every comparison, _ in differences {
		found([compared(comparison, 0.125, 0.001)]) == set()
	}
	found([compared("impact_ratio", 0.75, 0.001)]) == set()
}

test_chance if {
	every comparison, _ in differences {
		found([compared(comparison, 0.5, 0.05)]) == set()
	}
	found([compared("impact_ratio", 0.5, 0.05)]) == set()
}

test_large_and_significant if {
	every comparison, name in differences {
		message := sprintf("%s is 0.1875, between `female` and `male`, with an adjusted p-value of 0.0490", [name])
		found([compared(comparison, 0.1875, 0.049)]) == {complaint(message, 0.1875, 0.125)}
	}
	message := "impact ratio is 0.5000, between `female` and `male`, with an adjusted p-value of 0.0490"
	found([compared("impact_ratio", 0.5, 0.049)]) == {complaint(message, 0.5, 0.75)}
}

test_tested_without_a_value if {
	every value in [null, "0.5"] {
		message := "impact ratio was tested and has no value"
		found([compared("impact_ratio", value, 0.001)]) == {complaint(message, null, "a value")}
	}
	undefined := object.union(compared("recall_difference", 0.5, 0.001), {"status": "undefined"})
	found([undefined]) == {complaint("recall difference was tested and has no value", null, "a value")}
}

everything := array.concat(
	[compared("impact_ratio", 1, 0.5)],
	[compared(comparison, 0, 0.5) | some comparison, _ in differences],
)

required(comparisons) := result if {
	result := significant_gaps.violation with input as release(comparisons)
		with data.parameters as parameters(true)
}

not_tested(name) := complaint(sprintf("%s was not tested for significance", [name]), null, "an adjusted p-value")

test_everything_must_be_tested_where_that_is_required if {
	required(everything) == set()
	required([]) == {not_tested("impact ratio")} | {not_tested(name) | some _, name in differences}
	every p_value in [null, "0.01"] {
		untested := array.concat(array.slice(everything, 1, 4), [compared("impact_ratio", 1, p_value)])
		required(untested) == {not_tested("impact ratio")}
	}
	another := [object.union(comparison, {"column": "age"}) | some comparison in everything]
	count(required(another)) == 4
}

test_each_evaluation_is_judged_by_its_own_tests if {
	slices := [{"column": "sex", "protected": true}]
	findings := significant_gaps.violation with input as {"evaluations": [
		{"name": "first", "slices": slices, "comparisons": everything},
		{"name": "second", "slices": slices, "comparisons": []},
	]}
		with data.parameters as parameters(true)
	{finding.subject | some finding in findings} == {"evaluation/second/sex"}
}

test_nothing_was_tested if {
	untested := release([compared("impact_ratio", 0.5, null)])
	significant_gaps.violation == set() with input as untested with data.parameters as parameters(false)
	reasons := significant_gaps.not_applicable with input as untested with data.parameters as parameters(false)
	reasons == {"no comparison between groups was tested for significance"}
	significant_gaps.not_applicable == set() with input as untested with data.parameters as parameters(true)
	significant_gaps.not_applicable == set() with input as release(everything)
		with data.parameters as parameters(false)
}

test_it_applies_to_protected_attributes if {
	unprotected := {"evaluations": [{"name": "holdout", "slices": [{"column": "housing", "protected": false}]}]}
	reasons := significant_gaps.not_applicable with input as unprotected with data.parameters as parameters(true)
	reasons == {"no protected attribute is evaluated (FAI-001 asks for it where people are concerned)"}
	significant_gaps.not_applicable == set() with input as {"evaluations": []}
		with data.parameters as parameters(false)
}

test_it_applies_to_two_classes if {
	protected := [{"column": "sex", "protected": true}]
	significant_gaps.not_applicable == set() with input as {"evaluations": [
		{"name": "first", "task": "regression", "slices": protected},
		{"name": "second", "task": "binary-classification", "slices": protected},
	]} with data.parameters as parameters(true)
	reasons := significant_gaps.not_applicable
		with input as {"evaluations": [{"name": "first", "task": "regression", "slices": protected}]}
		with data.parameters as parameters(true)
	reasons == {"no evaluation is of two classes (FAI-006 judges other tasks)"}
}

test_other_tasks_are_not_judged if {
	slices := [{"column": "sex", "protected": true}]
	evaluations := [{"name": "holdout", "task": "regression", "slices": slices, "comparisons": comparisons} |
		some comparisons in [[], [compared("recall_difference", 0.5, 0.001)]]
	]
	findings := significant_gaps.violation with input as {"evaluations": evaluations}
		with data.parameters as parameters(true)
	findings == set()
}
