package modelgate.controls.validation.enough_rows_test

import data.modelgate.controls.validation.enough_rows

found(prevalence) := result if {
	result := enough_rows.violation with input as {"evaluations": [{"name": "holdout", "metrics": {"prevalence": prevalence}}]}
		with data.parameters as {"minimum_positives": 30, "minimum_negatives": 50}
}

counted(positives, n) := {"status": "ok", "value": positives / n, "numerator": positives, "n": n}

test_enough if found(counted(30, 80)) == set()

test_too_few_positives if found(counted(29, 100)) == {{
	"subject": "evaluation/holdout", "message": "there are 29 positive cases", "observed": 29, "expected": 30,
}}

test_too_few_negatives if found(counted(30, 79)) == {{
	"subject": "evaluation/holdout", "message": "there are 49 negative cases", "observed": 49, "expected": 50,
}}

test_not_counted if found({"status": "error", "value": null, "numerator": null, "n": 0}) == {{
	"subject": "evaluation/holdout", "message": "the cases of each class could not be counted", "observed": null, "expected": 30,
}}
