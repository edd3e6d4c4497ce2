package modelgate.controls.leakage.duplicates_test

import data.modelgate.controls.leakage.duplicates

parameters(required) := {"maximum_share": 0.125, "required": required}

# Every row is looked at: the interval of a share does not count.
share(value) := {"status": "ok", "value": value, "interval": {"low": 0, "high": 0.5}, "reason": null}

release(evaluation) := {"evaluations": [object.union({"name": "holdout"}, evaluation)]}

clean := {"duplicate_rows": share(0), "conflicting_labels": share(0)}

found(changes) := result if {
	result := duplicates.violation with input as release({"leakage": object.union(clean, changes)})
		with data.parameters as parameters(true)
}

names := {
	"duplicate_rows": "the share of rows that repeat another",
	"conflicting_labels": "the share of rows whose like has another label",
}

test_each_share if {
	every id, name in names {
		found({id: share(0.125)}) == set()
		found({id: share(0.25)}) == {{
			"subject": "evaluation/holdout", "message": sprintf("%s is 0.2500, above 0.125", [name]),
			"observed": 0.25, "expected": 0.125,
		}}
		found({id: null}) == {{
			"subject": "evaluation/holdout", "message": sprintf("%s has no value: no reason is given", [name]),
			"observed": null, "expected": 0.125,
		}}
	}
}

test_not_searched if {
	every evaluation in [{}, {"leakage": null}, {"leakage": "train"}] {
		findings := duplicates.violation with input as release(evaluation) with data.parameters as parameters(true)
		findings == {{
			"subject": "evaluation/holdout", "message": "the rows were not searched for duplicates and contradictions",
			"observed": null, "expected": "a search",
		}}
		tolerated := duplicates.violation with input as release(evaluation)
			with data.parameters as parameters(false)
		tolerated == set()
		reasons := duplicates.not_applicable with input as release(evaluation)
			with data.parameters as parameters(false)
		reasons == {"the rows were not searched for duplicates and contradictions"}
	}
}

test_it_applies_where_a_search_is_required_or_there if {
	duplicates.not_applicable == set() with input as release({}) with data.parameters as parameters(true)
	duplicates.not_applicable == set() with input as release({"leakage": clean})
		with data.parameters as parameters(false)
}

test_labels_that_are_no_classes_do_not_contradict if {
	undefined := {"conflicting_labels": {"status": "undefined", "value": null, "reason": "labels are not classes"}}
	every task in ["regression", "forecasting", "ranking", "multilabel-classification"] {
		duplicates.violation == set() with input as release({"task": task, "leakage": object.union(clean, undefined)})
			with data.parameters as parameters(true)
		repeated := object.union(undefined, {"duplicate_rows": share(0.25)})
		findings := duplicates.violation with input as release({"task": task, "leakage": repeated})
			with data.parameters as parameters(true)
		count(findings) == 1
	}
	every task in ["binary-classification", "multiclass-classification", "other", null] {
		findings := duplicates.violation with input as release({"task": task, "leakage": object.union(clean, undefined)})
			with data.parameters as parameters(true)
		count(findings) == 1
	}
}
