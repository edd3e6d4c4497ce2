# METADATA
# title: What was promised and is closed has evidence
# description: |-
#   A promise is kept when something shows it. Each closed item of the record `remediations` names its
#   evidence, and was not closed on a day to come. A release without the record is not judged: REM-001 asks
#   for it.
# custom:
#   id: REM-002
#   severity: medium
#   remediation: >-
#     Write under `evidence` what shows that the item was done (a commit, a report, a test), and the day
#     on which it was; open it again if nothing does.
#   waivable: true
#   frameworks: [eu-ai-act:Art.9, nist-ai-rmf:MANAGE-4.1]
package modelgate.controls.remediation.evidence

import data.modelgate.lib.day
import data.modelgate.lib.record

not_applicable contains "no remediations are recorded" if record.none("remediations")

closed_items contains item if {
	some item in record.list("remediations", "items")
	object.get(item, "closed", null) != null
}

violation contains finding if some finding in record.lacking("remediations", "items")

violation contains record.about("remediations", problem) if {
	some item in closed_items
	shown := object.get(item, "evidence", null)
	not record.filled(shown)
	problem := {
		"message": sprintf("nothing shows that %s was done", [record.id(item)]),
		"observed": shown,
		"expected": "evidence",
	}
}

violation contains record.about("remediations", problem) if {
	some item in closed_items
	not day.has_come(item.closed)
	problem := {
		"message": sprintf("%s is closed on a day that has not come", [record.id(item)]),
		"observed": item.closed,
		"expected": "today or earlier",
	}
}
