# METADATA
# title: Columns bring no unknown categories and no more gaps
# description: |-
#   A category that the model was not trained on, or a column that is suddenly empty, gets a score all the same. Of each
#   column the share of rows with a category that the reference does not have, and the difference between the shares of
#   missing values in either direction, are at most the tier's. A column that holds no categories has no new ones: one
#   of numbers, which have distribution functions that were compared.
# custom:
#   id: DRI-003
#   severity: medium
#   remediation: >-
#     Find out where the categories or the gaps come from; map new categories on purpose, mend the source of missing
#     values, or train on data that has them.
#   waivable: true
#   needs: [evaluations]
#   parameters:
#     maximum_share: {type: number, description: "Most share of new categories, and most difference of missing shares"}
#     required: {type: boolean, description: Whether an evaluation that was not compared fails; else it is not judged}
#   frameworks: [eu-ai-act:Art.10, iso-42001:A.7.4, nist-ai-rmf:MEASURE-2.3]
package modelgate.controls.drift.categories

import data.modelgate.lib.measured
import data.modelgate.lib.metric

not_applicable contains "categories and missing values were not compared with those of the training data" if {
	not data.parameters.required
	measured.nowhere(input.evaluations, "drift")
}

violation contains finding if {
	data.parameters.required
	some finding in measured.missing(
		input.evaluations, "drift",
		"categories and missing values were not compared with those of the training data", "a comparison",
	)
}

violation contains finding if {
	some evaluation in input.evaluations
	is_object(evaluation.drift)
	count(measured.items(evaluation.drift, "columns")) == 0
	finding := {
		"subject": sprintf("evaluation/%s", [evaluation.name]),
		"message": "no column is also in the reference",
		"observed": 0,
		"expected": "at least one column",
	}
}

violation contains finding if {
	some evaluation in input.evaluations
	some column in measured.items(evaluation.drift, "columns")
	some problem in problems(column)
	finding := object.union(problem, {"subject": sprintf("evaluation/%s/%s", [evaluation.name, column.column])})
}

problems(column) := {problem |
	not holds_no_categories(column)
	name := "the share of rows with a new category"
	some problem in measured.above(column, "new_categories", data.parameters.maximum_share, "estimate", name)
} | {problem |
	gap := measured.judge(column.missing_share_difference, "estimate")
	abs(gap) > data.parameters.maximum_share
	problem := {
		"message": sprintf("the share of missing values differs from that of the reference by %.4f", [gap]),
		"observed": gap,
		"expected": data.parameters.maximum_share,
	}
} | {problem |
	limit := data.parameters.maximum_share
	name := "the difference of the shares of missing values"
	some problem in measured.without_value(column, "missing_share_difference", limit, "estimate", name)
}

# The share may also be undefined because nobody could say which categories are new.
holds_no_categories(column) if {
	column.new_categories.status == "undefined"
	metric.usable(column.kolmogorov_smirnov)
}
