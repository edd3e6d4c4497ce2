# METADATA
# title: Every listed exception ends, soon enough, and has not ended
# description: |-
#   A risk is accepted for a time. Each exception that the record `exceptions` lists begins before it ends,
#   lasts no longer than the tier allows and has not expired; its last day is included, in UTC. With
#   `required`, the record is asked for; without, a release that has none is not judged. The list accepts
#   nothing: that takes a signed risk acceptance.
# custom:
#   id: EXC-001
#   severity: high
#   remediation: >-
#     Mend what the exception is about and take it off the list, or have it accepted again for a shorter
#     time.
#   waivable: false
#   parameters:
#     maximum_days:
#       {type: integer, description: "Greatest number of days that an exception lasts, the first and the last included"}
#     required: {type: boolean, description: Whether a release without a record of exceptions is a finding}
#   frameworks: [eu-ai-act:Art.9, nist-ai-rmf:MANAGE-1.1]
package modelgate.controls.exceptions.duration

import data.modelgate.lib.day
import data.modelgate.lib.record

not_applicable contains "no exceptions are recorded" if {
	data.parameters.required == false
	record.none("exceptions")
}

exceptions := record.list("exceptions", "exceptions")

violation contains finding if some finding in record.lacking("exceptions", "exceptions")

violation contains record.about("exceptions", problem) if {
	some exception in exceptions
	expires := object.get(exception, "expires", null)
	not day.lasts(expires)
	problem := {
		"message": sprintf("the exception from %v expired on %v", [object.get(exception, "control", null), expires]),
		"observed": expires,
		"expected": "today or later",
	}
}

violation contains record.about("exceptions", problem) if {
	some exception in exceptions
	from := object.get(exception, "from", null)
	not day.in_order(from, exception.expires)
	control := object.get(exception, "control", null)
	problem := {
		"message": sprintf("the exception from %v ends before it begins, on %v", [control, from]),
		"observed": from,
		"expected": object.get(exception, "expires", null),
	}
}

violation contains record.about("exceptions", problem) if {
	some exception in exceptions
	days := day.span(exception.from, exception.expires)
	days > data.parameters.maximum_days
	problem := {
		"message": sprintf("the exception from %v lasts for %d days", [object.get(exception, "control", null), days]),
		"observed": days,
		"expected": data.parameters.maximum_days,
	}
}
