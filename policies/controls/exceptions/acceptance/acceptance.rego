# METADATA
# title: Exceptions are accepted by somebody who neither asked for them nor owns the model
# description: |-
#   Nobody accepts their own risk. Whoever accepted an exception that the record `exceptions` lists is named,
#   did not ask for it, and is not the model's owner; case and blanks make no difference. A release without
#   the record is not judged: EXC-001 asks for it where the tier does.
# custom:
#   id: EXC-003
#   severity: high
#   remediation: >-
#     Have the risk accepted by somebody who bears it and did not ask for the exception, such as the
#     head of the business unit or the risk function.
#   waivable: false
#   frameworks: [nist-ai-rmf:MANAGE-1.1, nist-ai-rmf:MEASURE-1.3, sr-26-2:effective-challenge]
package modelgate.controls.exceptions.acceptance

import data.modelgate.lib.record

not_applicable contains "no exceptions are recorded" if record.none("exceptions")

named(person) := lower(trim_space(person)) if record.filled(person)

differ(one, other) if named(one) != named(other)

violation contains finding if some finding in record.lacking("exceptions", "exceptions")

violation contains record.about("exceptions", problem) if {
	some exception in record.list("exceptions", "exceptions")
	some role, person in {
		"the one who asked for it": object.get(exception, "requested_by", null),
		"the model's owner": object.get(input, ["model", "owner"], null),
	}
	accepted_by := object.get(exception, "accepted_by", null)
	not differ(accepted_by, person)
	problem := {
		"message": sprintf("nobody but %s accepted the exception from %v", [role, object.get(exception, "control", null)]),
		"observed": accepted_by,
		"expected": sprintf("somebody else than %v", [person]),
	}
}
