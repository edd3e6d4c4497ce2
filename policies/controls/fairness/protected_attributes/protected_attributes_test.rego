package modelgate.controls.fairness.protected_attributes_test

import data.modelgate.controls.fairness.protected_attributes

release(classes, slices, favourable) := {
	"intake": {"data_classes": classes},
	"evaluations": [{"name": "holdout", "slices": slices, "classes": favourable}],
}

sex := [{"column": "sex", "protected": true}, {"column": "sex", "protected": true}, {"column": "housing", "protected": false}]

test_evaluated if protected_attributes.violation == set() with input as release(["personal"], sex, {"favourable": "negative"})
	with data.parameters as {"minimum_attributes": 1}

test_not_enough if protected_attributes.violation == {{
	"subject": "evaluation/holdout", "message": "1 protected attributes are evaluated", "observed": 1, "expected": 2,
}} with input as release(["personal"], sex, {"favourable": "negative"}) with data.parameters as {"minimum_attributes": 2}

test_nothing_is_favourable if protected_attributes.violation == {{
	"subject": "evaluation/holdout", "message": "it is not declared which prediction is the favourable one",
	"observed": null, "expected": "`positive` or `negative`",
}} with input as release(["personal"], sex, {}) with data.parameters as {"minimum_attributes": 1}

test_it_applies_to_data_about_people if {
	protected_attributes.not_applicable == {"no data about people is declared"} with input as release(["internal", "public"], [], {})
	protected_attributes.not_applicable == set() with input as release(["internal", "personal"], [], {})
}

test_each_class_of_data_about_people if {
	every class in ["personal", "financial", "health", "special-category", "biometric", "children"] {
		reasons := protected_attributes.not_applicable with input as release([class], [], {})
		reasons == set()
	}
}

test_no_prediction_of_another_task_is_favourable if {
	findings := protected_attributes.violation
		with input as {"evaluations": [{"name": "holdout", "task": "regression", "slices": sex, "classes": null}]}
		with data.parameters as {"minimum_attributes": 1}
	findings == set()
}

test_other_tasks_have_protected_attributes_too if {
	findings := protected_attributes.violation
		with input as {"evaluations": [{"name": "holdout", "task": "regression", "slices": [], "classes": null}]}
		with data.parameters as {"minimum_attributes": 1}
	{finding.message | some finding in findings} == {"0 protected attributes are evaluated"}
}
