# METADATA
# title: The evaluation {control} has enough rows
# description: |-
#   Why it matters, and exactly how it is judged. This template asks for a least number of rows in every
#   evaluation.
# custom:
#   id: {id}
#   severity: medium
#   remediation: What the team does about a fail, in the imperative.
#   waivable: true
#   needs: [evaluations]
#   parameters:
#     minimum_rows: {type: integer, description: Least number of rows}
#   frameworks: []
package modelgate.controls.{domain}.{control}

violation contains finding if {
	some evaluation in input.evaluations
	evaluation.rows.valid < data.parameters.minimum_rows
	finding := {
		"subject": sprintf("evaluation/%s", [evaluation.name]),
		"message": "there are too few rows",
		"observed": evaluation.rows.valid,
		"expected": data.parameters.minimum_rows,
	}
}
