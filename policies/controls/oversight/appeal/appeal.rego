# METADATA
# title: People can have a decision about them looked at again
# description: |-
#   Where the output decides or is usually followed in a field with consequences for a person (credit,
#   employment, education, insurance, health, essential services, law enforcement, biometrics), the record
#   `human-oversight` says how that person can appeal.
# custom:
#   id: OVR-002
#   severity: high
#   remediation: >-
#     Set up a way in which a person whom a decision affects can ask for another look by a person, tell
#     them of it with the decision, and describe it as `appeal`.
#   waivable: true
#   frameworks: [eu-ai-act:Art.13]
package modelgate.controls.oversight.appeal

import data.modelgate.lib.intake
import data.modelgate.lib.record

not_applicable contains "its field has no such consequences for a person" if intake.decides_about_nobody

not_applicable contains "its output is one piece of information among others" if input.intake.decision_role == "informs"

violation contains finding if some finding in record.absent("human_oversight")

violation contains record.about("human_oversight", problem) if {
	count(record.absent("human_oversight")) == 0
	appeal := record.field("human_oversight", "appeal")
	not record.filled(appeal)
	problem := {
		"message": "people whom a decision affects cannot appeal",
		"observed": appeal,
		"expected": "a way to have it looked at again",
	}
}
