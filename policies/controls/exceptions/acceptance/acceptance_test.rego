package modelgate.controls.exceptions.acceptance_test

import data.modelgate.controls.exceptions.acceptance

found(changes) := result if {
	exception := object.union(
		{"control": "VAL-004", "requested_by": "ann@example.com", "accepted_by": "cy@example.com"},
		changes,
	)
	result := acceptance.violation with input as {
		"model": {"owner": "bob@example.com"},
		"records": {"exceptions": {"file": {"path": "x.yaml"}, "content": {"exceptions": [exception]}}},
	}
}

own(role, observed, person) := {
	"subject": "record/exceptions",
	"message": sprintf("nobody but %s accepted the exception from VAL-004", [role]),
	"observed": observed, "expected": sprintf("somebody else than %v", [person]), "source": {"file": "x.yaml", "line": 1},
}

test_somebody_else if {
	found({}) == set()
	found({"requested_by": "bob@example.com"}) == set()
}

test_who_asked if {
	every accepted_by in ["ann@example.com", " Ann@Example.com"] {
		found({"accepted_by": accepted_by}) == {own("the one who asked for it", accepted_by, "ann@example.com")}
	}
	found({"requested_by": " CY@example.com "}) == {own("the one who asked for it", "cy@example.com", " CY@example.com ")}
}

test_the_owner if {
	found({"accepted_by": "Bob@example.com"}) == {own("the model's owner", "Bob@example.com", "bob@example.com")}
}

test_nobody if {
	every accepted_by in [null, " ", 7] {
		found({"accepted_by": accepted_by}) == {
			own("the one who asked for it", accepted_by, "ann@example.com"),
			own("the model's owner", accepted_by, "bob@example.com"),
		}
	}
	found({"requested_by": null}) == {own("the one who asked for it", "cy@example.com", null)}
}

test_fields_that_are_not_there if {
	result := acceptance.violation with input as {"records": {"exceptions": {"content": {"exceptions": [{}]}}}}
	result == {{
		"subject": "record/exceptions",
		"message": sprintf("nobody but %s accepted the exception from null", [role]),
		"observed": null, "expected": "somebody else than null",
	} |
		some role in ["the one who asked for it", "the model's owner"]
	}
}

test_no_record if {
	acceptance.violation == {{
		"subject": "record/exceptions", "message": "the release has no such record", "observed": null,
		"expected": "a record of the kind `exceptions`",
	}} with input as {}
	acceptance.not_applicable == {"no exceptions are recorded"} with input as {"records": {"exceptions": null}}
	acceptance.not_applicable == set() with input as {"records": {"exceptions": {}}}
}
