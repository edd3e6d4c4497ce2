# METADATA
# title: Where the training data comes from is stated
# description: |-
#   A record of the kind `data-statement` lists at least one source of the training data. What each covers
#   begins no later than it ends, and ends no later than today.
# custom:
#   id: DOC-004
#   severity: medium
#   remediation: >-
#     List every source of the training data in a record `data-statement` with its licence, its
#     population, and the first and the last day that it covers.
#   waivable: true
#   frameworks: [eu-ai-act:Art.10, eu-ai-act:Art.11, iso-42001:A.7.4]
package modelgate.controls.documentation.data_statement

import data.modelgate.lib.day
import data.modelgate.lib.record

gaps := record.lacking("data_statement", "sources")

sources := record.list("data_statement", "sources")

violation contains finding if some finding in gaps

violation contains record.about("data_statement", problem) if {
	count(gaps) == 0
	count(sources) == 0
	problem := {"message": "no source of the training data is listed", "observed": 0, "expected": "at least one source"}
}

violation contains record.about("data_statement", problem) if {
	some source in sources
	from := object.get(source, "collected_from", null)
	not day.in_order(from, source.collected_to)
	problem := {
		"message": sprintf("the source `%v` ends before it begins", [object.get(source, "name", null)]),
		"observed": object.get(source, "collected_to", null),
		"expected": sprintf("%v or later", [from]),
	}
}

violation contains record.about("data_statement", problem) if {
	some source in sources
	to := object.get(source, "collected_to", null)
	not day.has_come(to)
	problem := {
		"message": sprintf("the source `%v` covers days that have not come", [object.get(source, "name", null)]),
		"observed": to,
		"expected": "today or earlier",
	}
}
