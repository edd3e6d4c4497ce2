# METADATA
# title: No column gives the label away
# description: |-
#   A column that alone sorts the cases nearly as they turned out was usually filled in afterwards. The ROC AUC of each
#   column alone, in the direction that suits it, is at most the tier's ceiling. A column without one, or none at all,
#   is a finding.
# custom:
#   id: LEA-003
#   severity: high
#   remediation: >-
#     Find out when the column is filled in. If it is only known after the outcome, take it out of the inputs and train
#     again; if it is known before, show that and have the risk accepted.
#   waivable: true
#   needs: [evaluations]
#   parameters:
#     maximum_roc_auc: {type: number, description: "Most ROC AUC of a single column, 0.5 to 1"}
#     required: {type: boolean, description: Whether an evaluation without these values fails; else it is not judged}
#   frameworks: [eu-ai-act:Art.10, nist-ai-rmf:MEASURE-2.3, nist-ai-rmf:MEASURE-2.5]
package modelgate.controls.leakage.single_columns

import data.modelgate.lib.measured

not_applicable contains "no evaluation is of two classes, for which a column alone is judged" if {
	measured.none_of_two_classes(input.evaluations)
}

judged := [evaluation |
	some evaluation in input.evaluations
	measured.of_two_classes(evaluation)
]

not_applicable contains "no column was judged by itself" if {
	not data.parameters.required
	measured.nowhere(input.evaluations, "leakage")
}

violation contains finding if {
	data.parameters.required
	some finding in measured.missing(
		judged, "leakage",
		"no column was judged by itself", "each column's ROC AUC",
	)
}

violation contains finding if {
	some evaluation in judged
	is_object(evaluation.leakage)
	count(measured.items(evaluation.leakage, "single_columns")) == 0
	finding := {
		"subject": sprintf("evaluation/%s", [evaluation.name]),
		"message": "no column was judged by itself",
		"observed": 0,
		"expected": "each column's ROC AUC",
	}
}

violation contains finding if {
	some evaluation in judged
	some column in measured.items(evaluation.leakage, "single_columns")
	area := measured.judge(column.metric, "estimate")
	strength := max([area, 1 - area])
	strength > data.parameters.maximum_roc_auc
	finding := {
		"subject": sprintf("evaluation/%s/%s", [evaluation.name, column.column]),
		"message": sprintf("%s alone tells the classes apart with a ROC AUC of %.4f", [what(column), strength]),
		"observed": strength,
		"expected": data.parameters.maximum_roc_auc,
	}
}

# Leaks often show in whether a column is filled in.
what(column) := "whether it has a value" if {
	startswith(column.metric.definition, "single_column_missing")
} else := "the column"

violation contains finding if {
	some evaluation in judged
	some column in measured.items(evaluation.leakage, "single_columns")
	ceiling := data.parameters.maximum_roc_auc
	some problem in measured.without_value(column, "metric", ceiling, "estimate", "the ROC AUC of the column alone")
	finding := object.union(problem, {"subject": sprintf("evaluation/%s/%s", [evaluation.name, column.column])})
}
