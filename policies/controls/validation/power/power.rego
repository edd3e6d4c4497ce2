# METADATA
# title: The evaluation is large enough for the differences that matter
# description: |-
#   An evaluation of few rows passes and fails by chance. For each margin that the team declares (`margins`) the power is
#   what the tier asks for: the probability that the interval of so many rows stays within the margin of the true value.
#   A margin is declared before the rows are looked at, and is the smallest difference that would change what is done.
# custom:
#   id: VAL-019
#   severity: medium
#   remediation: Evaluate on as many rows as `rows_needed` says, or declare the margin that the use of the model really needs.
#   waivable: true
#   needs: [evaluations]
#   parameters:
#     minimum: {type: number, description: "Least power, 0 to 1"}
#     required: {type: boolean, description: Whether an evaluation without margins fails; else it is not judged}
#   frameworks: [eu-ai-act:Art.15, nist-ai-rmf:MEASURE-2.3, sr-26-2:outcomes-analysis]
package modelgate.controls.validation.power

import data.modelgate.lib.measured

not_applicable contains "no margin is declared that a difference has to have to matter" if {
	not data.parameters.required
	count(input.evaluations) > 0
	every evaluation in input.evaluations {
		count(measured.items(evaluation, "sufficiency")) == 0
	}
}

violation contains finding if {
	data.parameters.required
	some evaluation in input.evaluations
	count(measured.items(evaluation, "sufficiency")) == 0
	finding := {
		"subject": sprintf("evaluation/%s", [evaluation.name]),
		"message": "no margin is declared, so that it is not known whether there are rows enough",
		"observed": null,
		"expected": "`margins` with a metric and the smallest difference that matters",
	}
}

violation contains finding if {
	some evaluation in input.evaluations
	some known in measured.items(evaluation, "sufficiency")
	is_number(known.power)
	known.power < data.parameters.minimum
	finding := {
		"subject": sprintf("evaluation/%s", [evaluation.name]),
		"message": sprintf(
			"the power for a difference of %v in %s is %.2f, below %v%s",
			[known.margin, known.metric, known.power, data.parameters.minimum, needed(known)],
		),
		"observed": known.power,
		"expected": data.parameters.minimum,
	}
}

violation contains finding if {
	some evaluation in input.evaluations
	some known in measured.items(evaluation, "sufficiency")
	not is_number(known.power)
	finding := {
		"subject": sprintf("evaluation/%s", [evaluation.name]),
		"message": sprintf("the power for %s is not known: %s", [known.metric, why(known)]),
		"observed": null,
		"expected": data.parameters.minimum,
	}
}

needed(known) := sprintf("; %d rows have a power of 0.8", [known.rows_needed]) if {
	is_number(known.rows_needed)
} else := ""

why(known) := known.reason if {
	is_string(known.reason)
} else := "no reason is given"
