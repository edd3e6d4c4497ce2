# METADATA
# title: There are enough cases where there are not two classes
# description: |-
#   A metric over a handful of cases is noise, and so is its interval. What counts is what the task's main metric rests
#   on: rows with a prediction, and of a ranking the queries in which something is relevant. Cases of two classes are
#   counted by VAL-002.
# custom:
#   id: VAL-017
#   severity: medium
#   remediation: >-
#     Evaluate on more data; of a ranking on more queries with labelled items. If nothing could be counted, mend the rows
#     that VAL-001 names.
#   waivable: true
#   needs: [evaluations]
#   parameters:
#     minimum_cases: {type: integer, description: "Least rows, or queries of a ranking"}
#   frameworks: [eu-ai-act:Art.10, nist-ai-rmf:MEASURE-2.5]
package modelgate.controls.validation.enough_cases

import data.modelgate.lib.measured
import data.modelgate.lib.metric

not_applicable contains "every evaluation is of two classes (VAL-002 counts their cases)" if {
	measured.none_of_task(input.evaluations, object.keys(measured.main_metrics))
}

violation contains finding if {
	some evaluation in input.evaluations
	main := evaluation.metrics[measured.main_metrics[evaluation.task]]
	is_counted(main)
	main.n < data.parameters.minimum_cases
	finding := {
		"subject": sprintf("evaluation/%s", [evaluation.name]),
		"message": sprintf("there are %d cases", [main.n]),
		"observed": main.n,
		"expected": data.parameters.minimum_cases,
	}
}

violation contains finding if {
	some evaluation in input.evaluations
	wanted := measured.main_metrics[evaluation.task]
	not is_counted(evaluation.metrics[wanted])
	finding := {
		"subject": sprintf("evaluation/%s", [evaluation.name]),
		"message": sprintf("the cases could not be counted: %s has no value", [wanted]),
		"observed": null,
		"expected": data.parameters.minimum_cases,
	}
}

is_counted(main) if {
	metric.usable(main)
	is_number(main.n)
}
