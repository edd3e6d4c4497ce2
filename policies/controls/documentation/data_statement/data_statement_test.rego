package modelgate.controls.documentation.data_statement_test

import data.modelgate.controls.documentation.data_statement

# 2026-03-31.
now := 1774915200000000000

listed(sources) := result if {
	result := data_statement.violation with input as {"records": {"data_statement": {
		"file": {"path": "d.yaml"}, "content": {"sources": sources},
	}}}
		with time.now_ns as now
}

found(from, to) := listed([{"name": "loans", "collected_from": from, "collected_to": to}])

at(problem) := object.union({"subject": "record/data-statement", "source": {"file": "d.yaml", "line": 1}}, problem)

reversed(name, from, to) := at({
	"message": sprintf("the source `%v` ends before it begins", [name]), "observed": to,
	"expected": sprintf("%v or later", [from]),
})

to_come(name, to) := at({
	"message": sprintf("the source `%v` covers days that have not come", [name]), "observed": to,
	"expected": "today or earlier",
})

test_stated if {
	found("2025-01-01", "2026-03-31") == set()
	found("2025-01-01", "2025-01-01") == set()
}

test_no_source if {
	listed([]) == {at({
		"message": "no source of the training data is listed", "observed": 0, "expected": "at least one source",
	})}
}

test_it_ends_before_it_begins if found("2025-01-02", "2025-01-01") == {reversed("loans", "2025-01-02", "2025-01-01")}

test_days_to_come if found("2025-01-01", "2026-04-01") == {to_come("loans", "2026-04-01")}

test_no_days if {
	every other in [null, "1994", 7] {
		found(other, "2025-01-01") == {reversed("loans", other, "2025-01-01")}
		found("2025-01-01", other) == {reversed("loans", "2025-01-01", other), to_come("loans", other)}
	}
	listed([{}]) == {reversed(null, null, null), to_come(null, null)}
}

test_no_record if {
	data_statement.violation == {{
		"subject": "record/data-statement", "message": "the release has no such record", "observed": null,
		"expected": "a record of the kind `data-statement`",
	}} with input as {"records": {"data_statement": null}}
	listed(null) == {at({"message": "the record lists no `sources`", "observed": null, "expected": "a list"})}
}
