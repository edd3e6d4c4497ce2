# METADATA
# title: Every record is in date and about this version
# description: |-
#   A record says what was so when it was written. Each one that the release has was written or confirmed
#   today or earlier and within the tier's limit, its `review_by` has not passed (that day included, in
#   UTC), and its `model_version`, if it gives one, is that of this release. Which records there have to
#   be is asked for by other controls.
# custom:
#   id: DOC-006
#   severity: medium
#   remediation: >-
#     Go through the record again, correct what is no longer so, and set `date`, `review_by` and
#     `model_version` anew.
#   waivable: true
#   parameters:
#     maximum_age_days: {type: integer, description: Greatest age of a record in days}
#   frameworks: [eu-ai-act:Art.11, eu-ai-act:Art.12, iso-42001:A.6.2.7]
package modelgate.controls.documentation.records_in_date

import data.modelgate.lib.day
import data.modelgate.lib.record

kinds contains kind if {
	is_object(input.records)
	some kind, value in input.records
	value != null
}

not_applicable contains "the release has no records" if {
	is_object(input.records)
	count(kinds) == 0
}

violation contains finding if {
	not is_object(input.records)
	finding := {
		"subject": "release",
		"message": "the records of the release are not known",
		"observed": null,
		"expected": "its records",
	}
}

violation contains record.about(kind, problem) if {
	some kind in kinds
	date := record.header(kind, "date")
	not day.within(date, data.parameters.maximum_age_days)
	problem := {
		"message": sprintf("the record is of %v, not of the last %d days", [date, data.parameters.maximum_age_days]),
		"observed": date,
		"expected": sprintf("at most %d days ago", [data.parameters.maximum_age_days]),
	}
}

violation contains record.about(kind, problem) if {
	some kind in kinds
	review_by := record.header(kind, "review_by")
	review_by != null
	not day.lasts(review_by)
	problem := {
		"message": sprintf("the record was to be looked at again by %v", [review_by]),
		"observed": review_by,
		"expected": "today or later",
	}
}

violation contains record.about(kind, problem) if {
	some kind in kinds
	version := record.header(kind, "model_version")
	not version in {null, object.get(input, ["model", "version"], null)}
	problem := {
		"message": sprintf("the record was written for the version %v", [version]),
		"observed": version,
		"expected": object.get(input, ["model", "version"], null),
	}
}
