# METADATA
# title: Data about people is not kept longer than the tier allows
# description: |-
#   Data that is gone can neither leak nor be used for something else. The privacy assessment says for how
#   many days the data is kept, which is at most the tier's limit. Models without data about people are
#   not judged.
# custom:
#   id: PRI-004
#   severity: medium
#   remediation: >-
#     Delete the data earlier and correct `retention_days`; keep what a law makes you keep apart from
#     what the model is trained on.
#   waivable: true
#   parameters:
#     maximum_days: {type: integer, description: Greatest number of days for which data about people is kept}
#   frameworks: [eu-ai-act:Art.10]
package modelgate.controls.privacy.retention

import data.modelgate.lib.intake
import data.modelgate.lib.record

not_applicable contains "no data about people is used" if intake.holds_nothing_about_people

days := record.field("privacy_assessment", "retention_days")

short if {
	is_number(days)
	days <= data.parameters.maximum_days
}

violation contains finding if some finding in record.absent("privacy_assessment")

violation contains record.about("privacy_assessment", problem) if {
	count(record.absent("privacy_assessment")) == 0
	not short
	problem := {
		"message": sprintf("the data is kept for %v days", [days]),
		"observed": days,
		"expected": data.parameters.maximum_days,
	}
}
