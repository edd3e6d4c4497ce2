# METADATA
# title: The change log has an entry for this version
# description: |-
#   Whoever looks into the model in a year reads what changed when. The record `change-log` has an entry for
#   the version of this release, and its day is today or earlier.
# custom:
#   id: DOC-005
#   severity: low
#   remediation: >-
#     Add an entry to the record `change-log` with this release's version, its day and what changed.
#   waivable: true
#   frameworks: [eu-ai-act:Annex-IV.6, nist-ai-rmf:MANAGE-4.1]
package modelgate.controls.documentation.change_log

import data.modelgate.lib.day
import data.modelgate.lib.record

gaps := record.lacking("change_log", "entries")

entries := record.list("change_log", "entries")

version := object.get(input, ["model", "version"], null)

own contains entry if {
	some entry in entries
	entry.version == version
}

violation contains finding if some finding in gaps

violation contains record.about("change_log", problem) if {
	count(gaps) == 0
	count(own) == 0
	problem := {
		"message": sprintf("there is no entry for the version %v", [version]),
		"observed": sort({object.get(entry, "version", null) | some entry in entries}),
		"expected": version,
	}
}

violation contains record.about("change_log", problem) if {
	some entry in own
	released := object.get(entry, "released", null)
	not day.has_come(released)
	problem := {
		"message": sprintf("the version %v is released on %v, which is no day that has come", [version, released]),
		"observed": released,
		"expected": "today or earlier",
	}
}
