package modelgate.controls.fairness.group_error_gaps_test

import data.modelgate.controls.fairness.group_error_gaps

parameters := {"maximum_ratio": 1.5, "maximum_gap": 0.125, "minimum_cases": 60}

group(column, value, metrics) := {"column": column, "value": value, "protected": true, "metrics": metrics}

measure(value, n) := {"status": "ok", "value": value, "n": n, "reason": null}

judged(task, slices) := result if {
	result := group_error_gaps.violation
		with input as {"evaluations": [{"name": "holdout", "task": task, "slices": slices}]}
		with data.parameters as parameters
}

# What is found of a group with the value beside one with the other value.
pair(task, metric, value, other) := judged(task, [
	group("sex", "female", {metric: measure(value, 60)}),
	group("sex", "male", {metric: measure(other, 60)}),
])

errors := {"regression": "mean_absolute_error", "forecasting": "mean_absolute_error"}

shares := {
	"ranking": "ndcg", "multiclass-classification": "accuracy", "multilabel-classification": "micro_f1",
}

complaint(message, observed, expected) := {{
	"subject": "evaluation/holdout/slice/sex=female", "message": message, "observed": observed, "expected": expected,
}}

test_alike if {
	every task, metric in errors {
		pair(task, metric, 3.75, 2.5) == set()
		pair(task, metric, 0, 0) == set()
	}
	every task, metric in shares {
		pair(task, metric, 0.5, 0.625) == set()
		pair(task, metric, 0.125, 0.0625) == set()
		pair(task, metric, 0, 0) == set()
	}
}

test_larger_errors if {
	every task, metric in errors {
		message := "mean_absolute_error is 4.0625, more than 1.5 times the 2.5000 of the group with the least"
		pair(task, metric, 4.0625, 2.5) == complaint(message, 4.0625, 3.75)
	}
	perfect := judged("regression", [
		group("sex", "female", {"mean_absolute_error": measure(0.5, 60)}),
		group("sex", "male", {"mean_absolute_error": measure(0, 60)}),
	])
	{[finding.observed, finding.expected] | some finding in perfect} == {[0.5, 0]}
}

test_smaller_shares if {
	every task, metric in shares {
		message := sprintf("%s is 0.5000, more than 0.125 below the 0.7500 of the group with the most", [metric])
		pair(task, metric, 0.5, 0.75) == complaint(message, 0.5, 0.625)
	}
}

test_groups_are_compared_with_those_of_their_column if {
	judged("regression", [
		group("sex", "female", {"mean_absolute_error": measure(4.5, 60)}),
		group("sex", "male", {"mean_absolute_error": measure(4.5, 60)}),
		group("age", "old", {"mean_absolute_error": measure(0.5, 60)}),
		group("age", "young", {"mean_absolute_error": measure(0.5, 60)}),
	]) == set()
	judged("ranking", [
		group("sex", "female", {"ndcg": measure(0.25, 60)}),
		group("sex", "male", {"ndcg": measure(0.25, 60)}),
		group("age", "old", {"ndcg": measure(0.75, 60)}),
		group("age", "young", {"ndcg": measure(0.75, 60)}),
	]) == set()
}

# Two groups that are alike, so that the column can be compared.
alike(metric, value) := [
	group("sex", "male", {metric: measure(value, 60)}),
	group("sex", "other", {metric: measure(value, 60)}),
]

test_small_groups_are_not_compared if {
	every value in [0.25, 4.5] {
		small := group("sex", "female", {"mean_absolute_error": measure(value, 59)})
		judged("regression", array.concat(alike("mean_absolute_error", 1.5), [small])) == set()
	}
	every value in [0.25, 0.75] {
		small := group("sex", "female", {"ndcg": measure(value, 59)})
		judged("ranking", array.concat(alike("ndcg", 0.5), [small])) == set()
	}
}

test_a_group_without_a_value if {
	every measures in [
		{}, {"mean_absolute_error": null}, {"mean_absolute_error": object.union(measure(1.5, 60), {"value": null})},
		{"mean_absolute_error": object.union(measure(9.5, 60), {"status": "error"})},
	] {
		groups := array.concat(alike("mean_absolute_error", 1.5), [group("sex", "female", measures)])
		found := judged("regression", groups)
		found == complaint("mean_absolute_error has no value: no reason is given", null, "a value")
	}
	reason := {"status": "undefined", "value": null, "n": 0, "reason": "nothing is relevant"}
	groups := array.concat(alike("ndcg", 0.5), [group("sex", "female", {"ndcg": reason})])
	judged("ranking", groups) == complaint("ndcg has no value: nothing is relevant", null, "a value")
}

too_few(groups) := {{
	"subject": "evaluation/holdout/sex",
	"message": sprintf("the groups cannot be compared: %d of them has 60 cases or more", [groups]),
	"observed": groups, "expected": "at least two groups",
}}

test_fewer_than_two_groups if {
	every task, metric in object.union(errors, shares) {
		judged(task, [group("sex", "female", {metric: measure(0.5, 60)})]) == too_few(1)
		judged(task, [group("sex", "female", {metric: measure(0.5, 59)})]) == too_few(0)
	}
}

test_other_attributes_are_not_judged if {
	every measures in [{}, {"mean_absolute_error": measure(4.5, 60)}, {"mean_absolute_error": measure(0.5, 60)}] {
		groups := [
			object.union(group("housing", "own", measures), {"protected": false}),
			object.union(group("housing", "rent", {"mean_absolute_error": measure(1.5, 60)}), {"protected": false}),
		]
		judged("regression", groups) == set()
	}
	judged("ranking", [
		object.union(group("housing", "own", {"ndcg": measure(0.25, 60)}), {"protected": false}),
		object.union(group("housing", "rent", {"ndcg": measure(0.75, 60)}), {"protected": false}),
	]) == set()
}

test_two_classes_are_judged_elsewhere if {
	every task in ["binary-classification", "clustering"] {
		judged(task, [group("sex", "female", {})]) == set()
		pair(task, "accuracy", 0.25, 0.75) == set()
		pair(task, "mean_absolute_error", 0.75, 0.25) == set()
	}
}

test_it_applies_to_other_tasks if {
	slices := [group("sex", "female", {})]
	every task, _ in object.union(errors, shares) {
		reasons := group_error_gaps.not_applicable with input as {"evaluations": [{"task": task, "slices": slices}]}
		reasons == set()
	}
	reasons := group_error_gaps.not_applicable
		with input as {"evaluations": [{"task": "binary-classification", "slices": slices}]}
	reasons == {"every evaluation is of two classes (FAI-002, FAI-003 and FAI-005 judge them)"}
}

test_it_applies_to_protected_attributes if {
	every slices in [[], [object.union(group("sex", "female", {}), {"protected": false})]] {
		reasons := group_error_gaps.not_applicable with input as {"evaluations": [{"task": "ranking", "slices": slices}]}
		reasons == {"no protected attribute is evaluated (FAI-001 asks for it where people are concerned)"}
	}
}
