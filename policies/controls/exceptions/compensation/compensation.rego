# METADATA
# title: Something is done instead of what an exception leaves out
# description: |-
#   A risk that is accepted is watched or made smaller in another way. Each exception that the record
#   `exceptions` lists names at least one compensating control. A release without the record is not judged:
#   EXC-001 asks for it where the tier does.
# custom:
#   id: EXC-002
#   severity: medium
#   remediation: >-
#     Write under `compensating_controls` what is done while the exception lasts, such as a second look
#     at the cases that it concerns.
#   waivable: true
#   frameworks: [eu-ai-act:Art.9, nist-ai-rmf:MANAGE-1.1]
package modelgate.controls.exceptions.compensation

import data.modelgate.lib.record

not_applicable contains "no exceptions are recorded" if record.none("exceptions")

compensated(exception) if {
	is_array(exception.compensating_controls)
	count(exception.compensating_controls) > 0
}

violation contains finding if some finding in record.lacking("exceptions", "exceptions")

violation contains record.about("exceptions", problem) if {
	some exception in record.list("exceptions", "exceptions")
	not compensated(exception)
	problem := {
		"message": sprintf("nothing compensates for the exception from %v", [object.get(exception, "control", null)]),
		"observed": object.get(exception, "compensating_controls", null),
		"expected": "a compensating control",
	}
}
