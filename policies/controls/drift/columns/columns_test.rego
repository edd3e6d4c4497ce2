package modelgate.controls.drift.columns_test

import data.modelgate.controls.drift.columns

parameters(required) := {"maximum": 0.25, "required": required}

release(evaluation) := {"evaluations": [object.union({"name": "holdout"}, evaluation)]}

found(list) := result if {
	result := columns.violation with input as release({"drift": {"columns": list}})
		with data.parameters as parameters(true)
}

column(name, index) := {"column": name, "population_stability_index": index}

index(value) := {"status": "ok", "value": value, "interval": {"low": 0, "high": 1}, "reason": null}

test_alike if found([column("age", index(0.25)), column("income", index(0))]) == set()

test_moved if found([column("age", index(0.5)), column("income", index(0))]) == {{
	"subject": "evaluation/holdout/age", "message": "the population stability index is 0.5000, above 0.25",
	"observed": 0.5, "expected": 0.25,
}}

test_without_a_value if {
	found([column("age", null)]) == {{
		"subject": "evaluation/holdout/age", "message": "the population stability index has no value: no reason is given",
		"observed": null, "expected": 0.25,
	}}
	count(found([column("age", {"status": "insufficient", "value": 0.1, "reason": "few rows"})])) == 1
}

test_no_columns if {
	every list in [[], null] {
		found(list) == {{
			"subject": "evaluation/holdout", "message": "no column is also in the reference",
			"observed": 0, "expected": "at least one column",
		}}
	}
}

test_not_compared if {
	every evaluation in [{}, {"drift": null}, {"drift": "train"}] {
		findings := columns.violation with input as release(evaluation) with data.parameters as parameters(true)
		findings == {{
			"subject": "evaluation/holdout", "message": "the columns were not compared with those of the training data",
			"observed": null, "expected": "a comparison",
		}}
		tolerated := columns.violation with input as release(evaluation) with data.parameters as parameters(false)
		tolerated == set()
		reasons := columns.not_applicable with input as release(evaluation)
			with data.parameters as parameters(false)
		reasons == {"the columns were not compared with those of the training data"}
	}
}

test_it_applies_where_a_comparison_is_required_or_there if {
	columns.not_applicable == set() with input as release({}) with data.parameters as parameters(true)
	columns.not_applicable == set() with input as release({"drift": {}})
		with data.parameters as parameters(false)
}
