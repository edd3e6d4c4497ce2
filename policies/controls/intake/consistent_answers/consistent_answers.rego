# METADATA
# title: The intake answers do not contradict each other
# description: |-
#   The tier follows from the answers, so a wrong one chooses the wrong controls. Answers that cannot all
#   be true are found: a field that lives on a kind of data which is not among `data_classes`, a
#   decision about nobody, and a role in the decision that does not go with how automated it is. An
#   answer that is missing is a finding, too.
# custom:
#   id: INT-004
#   severity: high
#   remediation: >-
#     Correct the answer under `intake` that is wrong; the finding names the two that do not go
#     together.
#   waivable: false
#   frameworks: [eu-ai-act:Art.9, nist-ai-rmf:MAP-1.1, sr-26-2:model-materiality]
package modelgate.controls.intake.consistent_answers

import data.modelgate.lib.intake

answered contains "domain" if is_string(input.intake.domain)

answered contains "decision_role" if is_string(input.intake.decision_role)

answered contains "autonomy" if is_string(input.intake.autonomy)

answered contains "data_classes" if is_array(input.intake.data_classes)

answered contains "people_affected_per_year" if is_number(input.intake.people_affected_per_year)

classes := {class |
	is_array(input.intake.data_classes)
	some class in input.intake.data_classes
}

contradiction contains ["the field is biometrics, and no biometric data is used", "biometric"] if {
	input.intake.domain == "biometrics"
	not "biometric" in classes
}

contradiction contains ["the field is health, and no health data is used", "health"] if {
	input.intake.domain == "health"
	not "health" in classes
}

contradiction contains [message, "personal"] if {
	input.intake.domain in {"credit", "employment", "insurance"}
	count(classes & intake.about_people) == 0
	message := sprintf("the field is %s, and no data about people is used", [input.intake.domain])
}

contradiction contains ["the output is the decision, and nobody is affected in a year", "people who are affected"] if {
	input.intake.decision_role == "decides"
	input.intake.people_affected_per_year == 0
}

contradiction contains ["the output only informs, and the decision is fully automated", "another role or autonomy"] if {
	input.intake.decision_role == "informs"
	input.intake.autonomy == "fully-automated"
}

contradiction contains ["the output is the decision, and a person confirms each one", "another role or autonomy"] if {
	input.intake.decision_role == "decides"
	input.intake.autonomy == "human-in-the-loop"
}

violation contains finding if {
	some [message, expected] in contradiction
	finding := {"subject": "manifest", "message": message, "expected": expected}
}

violation contains finding if {
	questions := {"domain", "decision_role", "autonomy", "data_classes", "people_affected_per_year"}
	some question in questions - answered
	finding := {
		"subject": "manifest",
		"message": sprintf("the intake does not answer `%s`", [question]),
		"observed": null,
		"expected": question,
	}
}
