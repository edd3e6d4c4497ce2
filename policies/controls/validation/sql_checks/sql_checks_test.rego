package modelgate.controls.validation.sql_checks_test

import data.modelgate.controls.validation.sql_checks

release(checks) := {"evaluations": [{"name": "holdout", "sql_checks": checks}]}

found(checks) := result if {
	result := sql_checks.violation with input as release(checks)
}

without(reason) := {{
	"subject": "evaluation/holdout/ages", "message": sprintf("the query has no answer: %s", [reason]),
	"observed": null, "expected": "an answer",
}}

test_answered if found([{"name": "ages", "status": "ok", "reason": null}]) == set()

test_not_answered if {
	every status in ["error", "other", null] {
		found([{"name": "ages", "status": status, "reason": "it took longer"}]) == without("it took longer")
		found([{"name": "ages", "status": status, "reason": null}]) == without("no reason is given")
	}
	found([{"name": "ages"}]) == without("no reason is given")
}

test_it_applies_where_something_is_asked if {
	sql_checks.not_applicable == set() with input as release([{"name": "ages", "status": "ok"}])
	sql_checks.not_applicable == set() with input as {"evaluations": []}
	every input_document in [release([]), {"evaluations": [{"name": "holdout"}]}] {
		reasons := sql_checks.not_applicable with input as input_document
		reasons == {"no query is asked of the rows"}
	}
}
