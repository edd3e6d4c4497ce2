# METADATA
# title: Neither class is a rarity among the rows
# description: |-
#   Where one class makes up next to nothing, accuracy and calibration are those of the other. Each class has at
#   least the tier's share of the labelled rows. How many cases there are is asked by VAL-002. It judges evaluations of
#   two classes.
# custom:
#   id: VAL-007
#   severity: medium
#   remediation: >-
#     Evaluate on a period or population with more cases of the rare class. Do not resample to reach the share: the rows
#     would no longer be those of use; have the floor lowered instead if the class is as rare in use.
#   waivable: true
#   needs: [evaluations]
#   parameters:
#     minimum_share: {type: number, description: "Least share of the rows that each class has, 0 to 0.5"}
#   frameworks: [eu-ai-act:Art.10, iso-42001:A.7.4, nist-ai-rmf:MEASURE-2.5]
package modelgate.controls.validation.class_balance

import data.modelgate.lib.measured

not_applicable contains "no evaluation is of two classes, one of which could be rare" if {
	measured.none_of_two_classes(input.evaluations)
}

# Rows of each class; undefined where they were not counted, or there are none.
counted(evaluation) := classes if {
	classes := measured.rows_of_classes(evaluation.metrics)
	evaluation.metrics.prevalence.n > 0
}

violation contains finding if {
	some evaluation in input.evaluations
	measured.of_two_classes(evaluation)
	some class, rows in counted(evaluation)
	share := rows / evaluation.metrics.prevalence.n
	share < data.parameters.minimum_share
	finding := {
		"subject": sprintf("evaluation/%s", [evaluation.name]),
		"message": sprintf("%d of %d rows are %s", [rows, evaluation.metrics.prevalence.n, class]),
		"observed": share,
		"expected": data.parameters.minimum_share,
	}
}

violation contains finding if {
	some evaluation in input.evaluations
	measured.of_two_classes(evaluation)
	not counted(evaluation)
	finding := {
		"subject": sprintf("evaluation/%s", [evaluation.name]),
		"message": "the rows of each class could not be counted",
		"observed": null,
		"expected": data.parameters.minimum_share,
	}
}
