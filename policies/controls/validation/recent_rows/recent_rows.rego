# METADATA
# title: The evaluation rows are recent
# description: |-
#   A model is released into the present. The last day of each evaluation's declared period is at most so many
#   days before the day of the decision, and not after it. Days are compared, both included, in UTC.
# custom:
#   id: VAL-008
#   severity: medium
#   remediation: >-
#     Evaluate on rows up to a recent day, with outcomes that have matured, and declare their first and last day as
#     `period` of the evaluation.
#   waivable: true
#   needs: [evaluations]
#   parameters:
#     maximum_age_days: {type: integer, description: "Most days from the last row to the decision, in days"}
#     required: {type: boolean, description: Whether an evaluation without a period fails; else it is not judged}
#   frameworks: [eu-ai-act:Art.10, nist-ai-rmf:MEASURE-2.3, sr-26-2:outcomes-analysis]
package modelgate.controls.validation.recent_rows

import data.modelgate.lib.measured

not_applicable contains "no evaluation declares the period that its rows are from" if {
	not data.parameters.required
	measured.nowhere(input.evaluations, "period")
}

violation contains finding if {
	data.parameters.required
	some finding in measured.missing(
		input.evaluations, "period",
		"it is not declared which period the rows are from", "`period`",
	)
}

today := day(0)

earliest := day(data.parameters.maximum_age_days)

# The day that is so many days before the effective time. Days that are written like this sort like their texts.
day(days_ago) := time.format([time.add_date(time.now_ns(), 0, 0, 0 - days_ago), "UTC", "2006-01-02"])

is_day(text) if {
	is_string(text)
	regex.match(`^[0-9]{4}-[0-9]{2}-[0-9]{2}$`, text)
}

violation contains finding if {
	some evaluation in input.evaluations
	is_day(evaluation.period.to)
	evaluation.period.to < earliest
	finding := {
		"subject": sprintf("evaluation/%s", [evaluation.name]),
		"message": sprintf("the last rows are of %s, and the decision is of %s", [evaluation.period.to, today]),
		"observed": evaluation.period.to,
		"expected": sprintf("%s or later", [earliest]),
	}
}

violation contains finding if {
	some evaluation in input.evaluations
	is_day(evaluation.period.to)
	evaluation.period.to > today
	finding := {
		"subject": sprintf("evaluation/%s", [evaluation.name]),
		"message": sprintf("the last rows are of %s, after the decision of %s", [evaluation.period.to, today]),
		"observed": evaluation.period.to,
		"expected": sprintf("%s or earlier", [today]),
	}
}

violation contains finding if {
	some evaluation in input.evaluations
	is_object(evaluation.period)
	not is_day(evaluation.period.to)
	finding := {
		"subject": sprintf("evaluation/%s", [evaluation.name]),
		"message": "the end of the period is not a day",
		"observed": object.get(evaluation.period, "to", null),
		"expected": "YYYY-MM-DD",
	}
}
