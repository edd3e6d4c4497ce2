package modelgate.controls.robustness.enough_tests_test

import data.modelgate.controls.robustness.enough_tests

try(id) := {"id": id, "baseline": 0.76, "perturbed": 0.75}

found(tests) := result if {
	result := enough_tests.violation with input as {"records": {"robustness_tests": {
		"file": {"path": "r.yaml"}, "content": {"tests": tests},
	}}}
		with data.parameters as {"minimum_tests": 2}
}

at(problem) := {object.union({"subject": "record/robustness-tests", "source": {"file": "r.yaml", "line": 1}}, problem)}

few(count) := at({
	"message": sprintf("%d robustness tests are recorded with their values", [count]), "observed": count, "expected": 2,
})

test_enough if {
	found([try("R-1"), try("R-2")]) == set()
	found([try("R-1"), try("R-2"), try("R-3")]) == set()
}

test_too_few if {
	found([try("R-1")]) == few(1)
	found([]) == few(0)
}

test_the_same_one_twice if found([try("R-1"), try("R-1")]) == few(1)

test_without_values if {
	every key in ["baseline", "perturbed"] {
		found([try("R-1"), object.union(try("R-2"), {key: null})]) == few(1)
		found([try("R-1"), object.union(try("R-2"), {key: "0.7"})]) == few(1)
		found([try("R-1"), object.remove(try("R-2"), [key])]) == few(1)
	}
	found([try("R-1"), object.remove(try("R-2"), ["id"])]) == few(1)
}

test_no_record if {
	enough_tests.violation == {{
		"subject": "record/robustness-tests", "message": "the release has no such record", "observed": null,
		"expected": "a record of the kind `robustness-tests`",
	}} with input as {} with data.parameters as {"minimum_tests": 2}
	found(null) == at({"message": "the record lists no `tests`", "observed": null, "expected": "a list"})
}
