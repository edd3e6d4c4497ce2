# METADATA
# title: Exceptions are few
# description: |-
#   Each exception may be sound, and a model that needs many of them is not the one that was approved. The
#   record `exceptions` lists no more exceptions that have not ended than the tier allows at a time. One
#   whose end is no day counts as not ended.
# custom:
#   id: EXC-004
#   severity: medium
#   remediation: >-
#     Mend what the oldest exceptions leave out and take them off the record, or ask the owner of the
#     policies for a departure for this model.
#   waivable: true
#   parameters:
#     maximum: {type: integer, description: Exceptions at a time}
#   frameworks: [eu-ai-act:Art.9, nist-ai-rmf:MANAGE-1.1]
package modelgate.controls.exceptions.number

import data.modelgate.lib.day
import data.modelgate.lib.record

not_applicable contains "no exceptions are recorded" if record.none("exceptions")

over(exception) if {
	day.start(exception.expires)
	not day.lasts(exception.expires)
}

open := [object.get(exception, "control", null) |
	some exception in record.list("exceptions", "exceptions")
	not over(exception)
]

violation contains finding if some finding in record.lacking("exceptions", "exceptions")

violation contains record.about("exceptions", problem) if {
	count(open) > data.parameters.maximum
	problem := {
		"message": sprintf("%d exceptions are open at a time: from %v", [count(open), open]),
		"observed": count(open),
		"expected": sprintf("at most %v", [data.parameters.maximum]),
	}
}
