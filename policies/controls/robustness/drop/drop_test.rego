package modelgate.controls.robustness.drop_test

import data.modelgate.controls.robustness.drop

found(test) := result if {
	result := drop.violation with input as {"records": {"robustness_tests": {
		"file": {"path": "r.yaml"}, "content": {"tests": [test]},
	}}}
		with data.parameters as {"maximum_drop": 0.05}
}

try(baseline, perturbed) := {"id": "R-1", "metric": "roc_auc", "baseline": baseline, "perturbed": perturbed}

at(problem) := {object.union({"subject": "record/robustness-tests", "source": {"file": "r.yaml", "line": 1}}, problem)}

test_borne if {
	# In binary the difference is 0.05000000000000004.
	found(try(0.8, 0.75)) == set()
	found(try(0.75, 0.75)) == set()
	found(try(0.75, 0.8)) == set()
}

test_not_borne if {
	found(try(0.8, 0.7499)) == at({
		"message": "roc_auc loses 0.0501 in the test R-1", "observed": 0.0501, "expected": 0.05,
	})
	found(try(0.8, 0.749999999)) == at({
		"message": "roc_auc loses 0.0500 in the test R-1", "observed": 0.050000001, "expected": 0.05,
	})
	found({"baseline": 0.8, "perturbed": 0}) == at({
		"message": "the metric loses 0.8000 in the test without an id", "observed": 0.8, "expected": 0.05,
	})
}

test_no_values if {
	expected := at({"message": "the test R-1 has no values to compare", "observed": null, "expected": 0.05})
	every other in [null, "0.75"] {
		found(try(other, 0.75)) == expected
		found(try(0.75, other)) == expected
	}
	found({"id": "R-1", "baseline": 0.75}) == expected
	found({"id": "R-1", "perturbed": 0.75}) == expected
}

test_no_record if {
	drop.violation == {{
		"subject": "record/robustness-tests", "message": "the release has no such record", "observed": null,
		"expected": "a record of the kind `robustness-tests`",
	}} with input as {} with data.parameters as {"maximum_drop": 0.05}
}
