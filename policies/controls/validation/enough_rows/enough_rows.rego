# METADATA
# title: There are enough cases of both classes
# description: A metric over a handful of defaults is noise. What counts is the number of cases of the rarer class, not of rows.
# custom:
#   id: VAL-002
#   severity: medium
#   remediation: Evaluate on more data; a longer period usually brings more cases of the rare class.
#   waivable: true
#   needs: [evaluations]
#   parameters:
#     minimum_positives: {type: integer, description: Least rows with a positive label}
#     minimum_negatives: {type: integer, description: Least rows with a negative label}
#   frameworks: [eu-ai-act:Art.10, nist-ai-rmf:MEASURE-2.5]
package modelgate.controls.validation.enough_rows

import data.modelgate.lib.metric

violation contains finding if {
	some evaluation in input.evaluations
	prevalence := evaluation.metrics.prevalence
	metric.usable(prevalence)
	some class, least in {"positive": data.parameters.minimum_positives, "negative": data.parameters.minimum_negatives}
	rows := {"positive": prevalence.numerator, "negative": prevalence.n - prevalence.numerator}[class]
	rows < least
	finding := {
		"subject": sprintf("evaluation/%s", [evaluation.name]),
		"message": sprintf("there are %d %s cases", [rows, class]),
		"observed": rows,
		"expected": least,
	}
}

violation contains finding if {
	some evaluation in input.evaluations
	not metric.usable(evaluation.metrics.prevalence)
	finding := {
		"subject": sprintf("evaluation/%s", [evaluation.name]),
		"message": "the cases of each class could not be counted",
		"observed": null,
		"expected": data.parameters.minimum_positives,
	}
}
