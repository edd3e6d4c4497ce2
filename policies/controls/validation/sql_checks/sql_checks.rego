# METADATA
# title: Every query has its answer
# description: |-
#   The manifest and the policy bundle ask queries of the rows, whose answers other policies judge. A query that was
#   refused, or came to an error or a bound, has no answer; what would have been judged by it is not known.
# custom:
#   id: VAL-018
#   severity: high
#   remediation: Mend the query as its reason says, or give it more time with `seconds`; the columns of its answer are declared.
#   waivable: true
#   needs: [evaluations]
#   frameworks: [nist-ai-rmf:MEASURE-2.3]
package modelgate.controls.validation.sql_checks

# Facts from before there were queries have no list of them.
asked := [check |
	some evaluation in input.evaluations
	some check in evaluation.sql_checks
]

not_applicable contains "no query is asked of the rows" if {
	count(input.evaluations) > 0
	count(asked) == 0
}

violation contains finding if {
	some evaluation in input.evaluations
	some check in evaluation.sql_checks
	not check.status == "ok"
	finding := {
		"subject": sprintf("evaluation/%s/%s", [evaluation.name, check.name]),
		"message": sprintf("the query has no answer: %s", [reason(check)]),
		"observed": null,
		"expected": "an answer",
	}
}

reason(check) := check.reason if {
	is_string(check.reason)
} else := "no reason is given"
