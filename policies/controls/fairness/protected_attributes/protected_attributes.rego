# METADATA
# title: Protected attributes are evaluated
# description: |-
#   Whether groups of people are treated alike can only be seen where the evaluation says who is in which
#   group, and, of two classes, which prediction is the good outcome. It applies to models on data about people.
# custom:
#   id: FAI-001
#   severity: high
#   remediation: Add columns with protected attributes to the evaluation data, list them under `slices` with `protected true`, and of two classes declare `classes.favourable`.
#   waivable: true
#   needs: [evaluations]
#   parameters:
#     minimum_attributes: {type: integer, description: Least number of protected columns in each evaluation}
#   frameworks: [eu-ai-act:Art.10, nist-ai-rmf:MEASURE-2.11]
package modelgate.controls.fairness.protected_attributes

import data.modelgate.lib.measured

about_people := {"personal", "financial", "health", "special-category", "biometric", "children"}

not_applicable contains "no data about people is declared" if {
	every class in input.intake.data_classes {
		not class in about_people
	}
}

violation contains finding if {
	some evaluation in input.evaluations
	columns := {slice.column | some slice in evaluation.slices; slice.protected}
	count(columns) < data.parameters.minimum_attributes
	finding := {
		"subject": sprintf("evaluation/%s", [evaluation.name]),
		"message": sprintf("%d protected attributes are evaluated", [count(columns)]),
		"observed": count(columns),
		"expected": data.parameters.minimum_attributes,
	}
}

violation contains finding if {
	some evaluation in input.evaluations
	measured.of_two_classes(evaluation)
	not evaluation.classes.favourable
	finding := {
		"subject": sprintf("evaluation/%s", [evaluation.name]),
		"message": "it is not declared which prediction is the favourable one",
		"observed": null,
		"expected": "`positive` or `negative`",
	}
}
