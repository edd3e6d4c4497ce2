# METADATA
# title: Every evaluation row can be evaluated
# description: |-
#   A missing label, a score that is no probability or an id that occurs twice is never repaired or left
#   out: which rows are broken is rarely an accident, and what remains is another population.
# custom:
#   id: VAL-001
#   severity: high
#   remediation: Find out how the rows came to be broken and write the evaluation data again; do not just drop them.
#   waivable: true
#   needs: [evaluations]
#   frameworks: [eu-ai-act:Art.10, iso-42001:A.7.4, nist-ai-rmf:MEASURE-2.1]
package modelgate.controls.validation.valid_rows

complaints := {
	"label_missing": "have no label",
	"label_unknown": "have a label that is none of the classes, or no number where it is to be one",
	"score_missing": "have no score or prediction",
	"score_not_finite": "have a score or prediction that is NaN or infinite",
	"score_out_of_range": "have a score outside its range",
	"weight_invalid": "have a weight that is missing, negative or not finite",
	"cluster_missing": "have no cluster, series or query",
	"id_missing": "have no id",
	"id_duplicates": "repeat an id",
}

violation contains finding if {
	some evaluation in input.evaluations
	some count_name, complaint in complaints
	rows := evaluation.rows[count_name]
	rows > 0
	finding := {
		"subject": sprintf("evaluation/%s", [evaluation.name]),
		"message": sprintf("%d of %d rows %s", [rows, evaluation.rows.total, complaint]),
		"observed": rows,
		"expected": 0,
	}
}

# Whatever the reason: what is not counted as valid is not.
violation contains finding if {
	some evaluation in input.evaluations
	evaluation.rows.valid != evaluation.rows.total
	finding := {
		"subject": sprintf("evaluation/%s", [evaluation.name]),
		"message": sprintf("%d of %d rows can be evaluated", [evaluation.rows.valid, evaluation.rows.total]),
		"observed": evaluation.rows.valid,
		"expected": evaluation.rows.total,
	}
}
