package modelgate.controls.validation.calibration_test

import data.modelgate.controls.validation.calibration

found(metrics) := result if {
	result := calibration.violation with input as {"evaluations": [{"name": "holdout", "metrics": metrics}]}
		with data.parameters as {"maximum": 0.1}
}

error(value) := {"expected_calibration_error": {"status": "ok", "value": value, "interval": null, "reason": null}}

test_calibrated if found(error(0.1)) == set()

test_not_calibrated if found(error(0.2)) == {{
	"subject": "evaluation/holdout", "message": "expected_calibration_error is 0.2000, above 0.1", "observed": 0.2, "expected": 0.1,
}}

test_not_measured if count(found({})) == 1

test_it_applies_to_two_classes if {
	calibration.not_applicable == set()
		with input as {"evaluations": [{"task": "regression"}, {"task": "binary-classification"}]}
	reasons := calibration.not_applicable with input as {"evaluations": [{"task": "regression"}]}
	reasons == {"no evaluation is of two classes, whose score is a probability"}
}

test_other_tasks_are_not_judged if {
	evaluations := [{"name": "holdout", "task": "regression", "metrics": metrics} | some metrics in [{}, error(0.2)]]
	findings := calibration.violation with input as {"evaluations": evaluations}
		with data.parameters as {"maximum": 0.1}
	findings == set()
}
