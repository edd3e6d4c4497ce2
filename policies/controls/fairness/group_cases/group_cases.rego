# METADATA
# title: Groups are large enough where there are not two classes
# description: |-
#   An error over a handful of people says nothing about their group. What counts in each protected group is what the
#   task's main metric rests on: rows with a prediction, or queries of a ranking. Rows without a value of the attribute
#   are a bounded share. Groups of two classes are counted by FAI-004.
# custom:
#   id: FAI-007
#   severity: medium
#   remediation: >-
#     Evaluate on more cases of the small groups, or join groups where that makes sense; fill in missing attributes at
#     their source. If nothing could be counted, mend the rows that VAL-001 names.
#   waivable: true
#   needs: [evaluations]
#   parameters:
#     minimum_cases: {type: integer, description: "Least rows, or queries of a ranking, in each group"}
#     maximum_missing_share: {type: number, description: "Most share of rows without a value of the attribute, 0 to 1"}
#   frameworks: [eu-ai-act:Art.10, nist-ai-rmf:MEASURE-2.11]
package modelgate.controls.fairness.group_cases

import data.modelgate.lib.measured
import data.modelgate.lib.metric

not_applicable contains "every evaluation is of two classes (FAI-004 counts the cases of their groups)" if {
	measured.none_of_task(input.evaluations, object.keys(measured.main_metrics))
}

not_applicable contains "no protected attribute is evaluated (FAI-001 asks for it where people are concerned)" if {
	count({slice.column | some evaluation in input.evaluations; some slice in evaluation.slices; slice.protected}) == 0
}

violation contains finding if {
	some evaluation in input.evaluations
	wanted := measured.main_metrics[evaluation.task]
	some slice in evaluation.slices
	slice.protected
	not slice.missing
	is_counted(slice.metrics[wanted])
	cases := slice.metrics[wanted].n
	cases < data.parameters.minimum_cases
	finding := {
		"subject": sprintf("evaluation/%s/slice/%s=%s", [evaluation.name, slice.column, slice.value]),
		"message": sprintf("the group has %d cases", [cases]),
		"observed": cases,
		"expected": data.parameters.minimum_cases,
	}
}

violation contains finding if {
	some evaluation in input.evaluations
	wanted := measured.main_metrics[evaluation.task]
	some slice in evaluation.slices
	slice.protected
	not slice.missing
	not is_counted(slice.metrics[wanted])
	finding := {
		"subject": sprintf("evaluation/%s/slice/%s=%s", [evaluation.name, slice.column, slice.value]),
		"message": sprintf("the cases of the group could not be counted: %s has no value", [wanted]),
		"observed": null,
		"expected": data.parameters.minimum_cases,
	}
}

violation contains finding if {
	some evaluation in input.evaluations
	measured.main_metrics[evaluation.task]
	some slice in evaluation.slices
	slice.protected
	slice.missing
	share := slice.rows / evaluation.rows.total
	share > data.parameters.maximum_missing_share
	finding := {
		"subject": sprintf("evaluation/%s/slice/%s", [evaluation.name, slice.column]),
		"message": sprintf("%d of %d rows have no value", [slice.rows, evaluation.rows.total]),
		"observed": share,
		"expected": data.parameters.maximum_missing_share,
	}
}

is_counted(main) if {
	metric.usable(main)
	is_number(main.n)
}
