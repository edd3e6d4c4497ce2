package modelgate.controls.fairness.group_sizes_test

import data.modelgate.controls.fairness.group_sizes

group(positives, n) := {
	"column": "sex", "value": "female", "protected": true, "missing": false, "rows": n,
	"metrics": {"prevalence": {"status": "ok", "value": positives / n, "numerator": positives, "n": n}},
}

found(slices) := result if {
	result := group_sizes.violation with input as {"evaluations": [{"name": "holdout", "rows": {"total": 100}, "slices": slices}]}
		with data.parameters as {"minimum_positives": 30, "minimum_negatives": 20, "maximum_missing_share": 0.05}
}

test_large_enough if found([group(30, 50)]) == set()

test_too_small if {
	found([group(29, 60)]) == {{
		"subject": "evaluation/holdout/slice/sex=female", "message": "the group has 29 positive cases", "observed": 29, "expected": 30,
	}}
	found([group(30, 49)]) == {{
		"subject": "evaluation/holdout/slice/sex=female", "message": "the group has 19 negative cases", "observed": 19, "expected": 20,
	}}
}

test_groups_of_other_attributes_are_not_judged if found([object.union(group(1, 50), {"protected": false})]) == set()

test_not_counted if found([object.union(group(30, 50), {"metrics": {"prevalence": {"status": "error", "value": null}}})]) == {{
	"subject": "evaluation/holdout/slice/sex=female", "message": "the cases of the group could not be counted",
	"observed": null, "expected": 30,
}}

test_missing_values if {
	found([object.union(group(1, 5), {"missing": true, "value": ""})]) == set()
	found([object.union(group(1, 6), {"missing": true, "value": ""})]) == {{
		"subject": "evaluation/holdout/slice/sex", "message": "6 of 100 rows have no value", "observed": 0.06, "expected": 0.05,
	}}
}

test_it_applies_to_protected_attributes if {
	group_sizes.not_applicable == set() with input as {"evaluations": [{"slices": [group(1, 2)]}]}
	unprotected := object.union(group(1, 2), {"protected": false})
	every slices in [[], [unprotected]] {
		reasons := group_sizes.not_applicable with input as {"evaluations": [{"slices": slices}]}
		reasons == {"no protected attribute is evaluated (FAI-001 asks for it where people are concerned)"}
	}
}

broken := {"metrics": {"prevalence": {"status": "error", "value": 0.5, "numerator": 1, "n": 2}}}

test_counts_without_the_status_are_none if {
	messages := {finding.message | some finding in found([object.union(group(1, 2), broken)])}
	messages == {"the cases of the group could not be counted"}
}

test_only_protected_groups_with_a_value_are_counted if {
	found([object.union_n([group(1, 2), broken, {"protected": false}])]) == set()
	found([object.union_n([group(1, 2), broken, {"missing": true}])]) == set()
	found([object.union(group(1, 6), {"missing": true, "protected": false})]) == set()
}

test_it_applies_to_two_classes if {
	protected := [group(1, 2)]
	group_sizes.not_applicable == set() with input as {"evaluations": [
		{"name": "first", "task": "regression", "slices": protected},
		{"name": "second", "task": "binary-classification", "slices": protected},
	]}
	reasons := group_sizes.not_applicable
		with input as {"evaluations": [{"name": "first", "task": "regression", "slices": protected}]}
	reasons == {"no evaluation is of two classes (FAI-007 counts the cases of other tasks)"}
}

test_other_tasks_are_not_judged if {
	slices := [
		group(1, 2),
		object.union(group(1, 2), broken),
		object.union(group(1, 50), {"missing": true, "value": ""}),
	]
	findings := group_sizes.violation with input as {"evaluations": [{
		"name": "holdout", "task": "regression", "rows": {"total": 100}, "slices": slices,
	}]}
		with data.parameters as {"minimum_positives": 30, "minimum_negatives": 20, "maximum_missing_share": 0.05}
	findings == set()
}
