# METADATA
# title: No group that nobody has named is served much worse
# description: |-
#   Among all combinations of up to three declared slice columns the groups with the largest losses are searched for. One
#   whose mean loss is more than so many times that of all other rows, beyond chance after correction for every group that
#   was looked at, is a finding: a model can be good on the whole and bad for the people that two columns together single out.
# custom:
#   id: VAL-020
#   severity: medium
#   remediation: >-
#     Look at the rows of the group: more training data of it, or inputs that work for it, usually help. Otherwise leave it
#     out of the intended use, and say so in the model card.
#   waivable: true
#   needs: [evaluations]
#   parameters:
#     maximum_ratio: {type: number, description: "Most times the mean loss of all other rows, 1 or more"}
#     significance: {type: number, description: "Corrected p-value below which a difference is no chance, 0 to 1"}
#   frameworks: [eu-ai-act:Art.15, nist-ai-rmf:MEASURE-2.11, sr-26-2:outcomes-analysis]
package modelgate.controls.validation.hidden_groups

not_applicable contains "no groups were searched: there are no slice columns, or the rows are not independent" if {
	count(input.evaluations) > 0
	every evaluation in input.evaluations {
		not is_object(evaluation.weakest_groups)
	}
}

violation contains finding if {
	some evaluation in input.evaluations
	some group in evaluation.weakest_groups.groups
	group.adjusted_p_value < data.parameters.significance
	most := group.mean_of_others * data.parameters.maximum_ratio
	group.mean > most
	finding := {
		"subject": sprintf("evaluation/%s/group/%s", [evaluation.name, name(group)]),
		"message": sprintf(
			"the mean loss of these %d rows is %.4f, more than %v times the %.4f of all others",
			[group.rows, group.mean, data.parameters.maximum_ratio, group.mean_of_others],
		),
		"observed": group.mean,
		"expected": most,
	}
}

name(group) := concat(" × ", [sprintf("%s=%s", [part.column, shown(part)]) | some part in group.parts])

shown(part) := part.value if {
	is_string(part.value)
} else := ""
