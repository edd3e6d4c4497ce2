# METADATA
# title: There are enough cases of both classes
# description: |-
#   A metric over a handful of defaults is noise. What counts is the number of cases of the rarer class, not of rows.
#   It judges evaluations of two classes.
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

import data.modelgate.lib.measured

not_applicable contains "no evaluation is of two classes (VAL-017 counts the cases of other tasks)" if {
	measured.none_of_two_classes(input.evaluations)
}

violation contains finding if {
	some evaluation in input.evaluations
	measured.of_two_classes(evaluation)
	some class, rows in measured.rows_of_classes(evaluation.metrics)
	least := {"positive": data.parameters.minimum_positives, "negative": data.parameters.minimum_negatives}[class]
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
	measured.of_two_classes(evaluation)
	not measured.rows_of_classes(evaluation.metrics)
	finding := {
		"subject": sprintf("evaluation/%s", [evaluation.name]),
		"message": "the cases of each class could not be counted",
		"observed": null,
		"expected": data.parameters.minimum_positives,
	}
}
