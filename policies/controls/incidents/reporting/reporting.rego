# METADATA
# title: Incidents of the version in use are recorded, and everybody knows whom to tell
# description: |-
#   A model that replaces another has a history. A record of the kind `incidents` says since when it is
#   kept, which is no day in the future, and whom to tell about an incident and how. A first release has
#   no history and is not judged.
# custom:
#   id: INC-001
#   severity: medium
#   remediation: >-
#     Add a record of the kind `incidents` with the day since which incidents are recorded and the way
#     to report one; an empty list says that there were none.
#   waivable: true
#   frameworks: [eu-ai-act:Art.72, nist-ai-rmf:MANAGE-4.1, iso-42001:A.6.2.6]
package modelgate.controls.incidents.reporting

import data.modelgate.lib.day
import data.modelgate.lib.record

not_applicable contains "it is the first release" if input.change.kind == "initial"

violation contains finding if some finding in record.lacking("incidents", "incidents")

violation contains record.about("incidents", problem) if {
	count(record.absent("incidents")) == 0
	reporting := record.field("incidents", "reporting")
	not record.filled(reporting)
	problem := {
		"message": "whom to tell about an incident is not said",
		"observed": reporting,
		"expected": "a way to report",
	}
}

violation contains record.about("incidents", problem) if {
	count(record.absent("incidents")) == 0
	since := record.field("incidents", "since")
	not day.has_come(since)
	problem := {
		"message": sprintf("the record is kept since %v, which is no day that has come", [since]),
		"observed": since,
		"expected": "today or earlier",
	}
}
