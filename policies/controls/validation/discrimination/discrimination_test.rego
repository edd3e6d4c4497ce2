package modelgate.controls.validation.discrimination_test

import data.modelgate.controls.validation.discrimination

found(metrics) := result if {
	result := discrimination.violation with input as {"evaluations": [{"name": "holdout", "metrics": metrics}]}
		with data.parameters as {"minimum": 0.7, "basis": "estimate"}
}

area(value) := {"roc_auc": {"status": "ok", "value": value, "interval": null, "reason": "one class is small"}}

test_above_the_floor if found(area(0.7)) == set()

test_below_the_floor if found(area(0.6)) == {{
	"subject": "evaluation/holdout", "message": "roc_auc is 0.6000, below 0.7", "observed": 0.6, "expected": 0.7,
}}

test_not_measured if found({}) == {{
	"subject": "evaluation/holdout", "message": "roc_auc has no value: no reason is given", "observed": null, "expected": 0.7,
}}
