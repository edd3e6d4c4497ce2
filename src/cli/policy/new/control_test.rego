package modelgate.controls.{domain}.{control}_test

import data.modelgate.controls.{domain}.{control}

found(rows) := result if {
	result := {control}.violation with input as {"evaluations": [{"name": "holdout", "rows": {"valid": rows}}]}
		with data.parameters as {"minimum_rows": 100}
}

test_enough_rows if found(100) == set()

test_too_few_rows if found(99) == {{
	"subject": "evaluation/holdout", "message": "there are too few rows", "observed": 99, "expected": 100,
}}
