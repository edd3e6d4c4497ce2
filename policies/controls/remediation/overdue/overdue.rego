# METADATA
# title: Nothing that was promised is overdue
# description: |-
#   Earlier releases were approved on promises. Each item of the record `remediations` that is not closed is
#   due today or later; one that closes on a day to come is not closed. With `required`, the record is asked
#   for; without, a release that has none is not judged.
# custom:
#   id: REM-001
#   severity: high
#   remediation: >-
#     Do what was promised and close the item with its evidence, or agree on another day with whoever
#     approved the release and write that day down.
#   waivable: true
#   parameters:
#     required: {type: boolean, description: Whether a release without a record of remediations is a finding}
#   frameworks: [eu-ai-act:Art.9, nist-ai-rmf:MANAGE-4.1]
package modelgate.controls.remediation.overdue

import data.modelgate.lib.day
import data.modelgate.lib.record

not_applicable contains "no remediations are recorded" if {
	data.parameters.required == false
	record.none("remediations")
}

violation contains finding if some finding in record.lacking("remediations", "items")

violation contains record.about("remediations", problem) if {
	some item in record.list("remediations", "items")
	not day.has_come(item.closed)
	due := object.get(item, "due", null)
	not day.lasts(due)
	problem := {
		"message": sprintf("%s was due on %v and is open", [record.id(item), due]),
		"observed": due,
		"expected": "closed, or due today or later",
	}
}
