# METADATA
# title: The rows stand for the population
# description: |-
#   Metrics hold for the people or things that the rows are of. Where the manifest declares the shares of a population,
#   the rows' population stability index against them is at most the tier's, every declared value has rows, and hardly
#   any row has a value that was not declared.
# custom:
#   id: DRI-004
#   severity: medium
#   remediation: >-
#     Evaluate rows that are drawn from the population, weigh them, or correct the declared shares by their source.
#   waivable: true
#   needs: [evaluations]
#   parameters:
#     maximum: {type: number, description: Most population stability index of the rows against the declared shares}
#     maximum_undeclared: {type: number, description: "Most share of rows of a value that was not declared, 0 to 1"}
#     required: {type: boolean, description: Whether each evaluation must declare the shares of one column at least}
#   frameworks: [eu-ai-act:Art.10, iso-42001:A.7.4, nist-ai-rmf:MEASURE-2.3]
package modelgate.controls.drift.population

import data.modelgate.lib.measured

undeclared contains evaluation.name if {
	some evaluation in input.evaluations
	count(measured.items(evaluation, "representativeness")) == 0
}

not_applicable contains "no evaluation declares the shares of a population" if {
	not data.parameters.required
	count(input.evaluations) > 0
	every evaluation in input.evaluations {
		evaluation.name in undeclared
	}
}

violation contains finding if {
	data.parameters.required
	some name in undeclared
	finding := {
		"subject": sprintf("evaluation/%s", [name]),
		"message": "the shares of no population are declared",
		"observed": 0,
		"expected": "at least one column",
	}
}

violation contains finding if {
	some evaluation in input.evaluations
	some column in measured.items(evaluation, "representativeness")
	some problem in problems(column)
	finding := object.union(problem, {"subject": sprintf("evaluation/%s/%s", [evaluation.name, column.column])})
}

problems(column) := measured.above(
	column, "population_stability_index", data.parameters.maximum, "estimate",
	"the population stability index of the rows against the population",
) | measured.above(
	column, "undeclared_segments", data.parameters.maximum_undeclared, "estimate",
	"the share of rows of no declared value",
) | {problem |
	covered := measured.judge(column.covered_segments, "estimate")
	covered < 1
	problem := {
		"message": sprintf("of the declared values a share of %.4f has rows", [covered]),
		"observed": covered,
		"expected": 1,
	}
} | measured.without_value(column, "covered_segments", 1, "estimate", "the share of declared values with rows")
