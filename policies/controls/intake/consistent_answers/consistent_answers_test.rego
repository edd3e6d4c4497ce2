package modelgate.controls.intake.consistent_answers_test

import data.modelgate.controls.intake.consistent_answers

answers(changes) := object.union({
	"domain": "credit", "decision_role": "recommends", "autonomy": "human-in-the-loop",
	"data_classes": ["personal"], "people_affected_per_year": 1,
}, changes)

found(changes) := result if {
	result := consistent_answers.violation with input as {"intake": answers(changes)}
}

one(message, expected) := {{"subject": "manifest", "message": message, "expected": expected}}

test_consistent if {
	found({}) == set()
	found({"domain": "operations", "data_classes": ["internal"]}) == set()
	found({"domain": "biometrics", "data_classes": ["biometric"]}) == set()
	found({"domain": "health", "data_classes": ["health"]}) == set()
	found({"decision_role": "decides", "autonomy": "human-on-the-loop", "people_affected_per_year": 1}) == set()
	found({"decision_role": "decides", "autonomy": "fully-automated", "people_affected_per_year": 1}) == set()
	found({"decision_role": "recommends", "autonomy": "fully-automated"}) == set()
	found({"decision_role": "informs"}) == set()
	found({"people_affected_per_year": 0}) == set()
}

test_every_kind_of_data_about_people if {
	every class in ["personal", "financial", "health", "special-category", "biometric", "children"] {
		found({"data_classes": [class, "internal"]}) == set()
	}
}

test_a_field_without_its_data if {
	found({"domain": "biometrics"}) == one("the field is biometrics, and no biometric data is used", "biometric")
	found({"domain": "health"}) == one("the field is health, and no health data is used", "health")
	every domain in ["credit", "employment", "insurance"] {
		message := sprintf("the field is %s, and no data about people is used", [domain])
		found({"domain": domain, "data_classes": ["public", "internal"]}) == one(message, "personal")
		found({"domain": domain, "data_classes": []}) == one(message, "personal")
	}
}

test_a_decision_about_nobody if {
	found({"decision_role": "decides", "autonomy": "fully-automated", "people_affected_per_year": 0}) == one(
		"the output is the decision, and nobody is affected in a year",
		"people who are affected",
	)
}

test_role_and_autonomy if {
	found({"decision_role": "informs", "autonomy": "fully-automated"}) == one(
		"the output only informs, and the decision is fully automated",
		"another role or autonomy",
	)
	found({"decision_role": "decides"}) == one(
		"the output is the decision, and a person confirms each one",
		"another role or autonomy",
	)
}

test_no_answer if {
	every question, values in {
		"domain": [null, 7], "decision_role": [null, 7], "autonomy": [null, 7],
		"people_affected_per_year": [null, "1"],
	} {
		every value in values {
			found({question: value}) == {{
				"subject": "manifest", "message": sprintf("the intake does not answer `%s`", [question]),
				"observed": null, "expected": question,
			}}
		}
	}
	found({"domain": "other", "data_classes": null}) == {{
		"subject": "manifest", "message": "the intake does not answer `data_classes`",
		"observed": null, "expected": "data_classes",
	}}
	result := consistent_answers.violation with input as {}
	count(result) == 5
}
