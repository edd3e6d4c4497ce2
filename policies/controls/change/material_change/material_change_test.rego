package modelgate.controls.change.material_change_test

import data.modelgate.controls.change.material_change

parameters := {"kinds": ["data", "purpose"], "minimum_approvals": 2}

release(kind, review) := {
	"change": {"kind": kind},
	"repository": {"review": object.union({
		"status": "ok", "request": 7, "author": "ann", "approvers": ["bob", "cem"], "reason": null,
	}, review)},
}

found(review) := result if {
	result := material_change.violation with input as release("data", review) with data.parameters as parameters
}

not_enough(people, author) := {{
	"subject": "repository",
	"message": sprintf("%d people other than the author `%v` approved the newest commit of request 7", [people, author]),
	"observed": people, "expected": 2,
}}

test_enough if {
	found({}) == set()
	found({"approvers": ["ann", "bob", "cem"]}) == set()
	found({"approvers": ["bob", "cem", "dee"]}) == set()
}

test_not_enough if {
	found({"approvers": ["bob"]}) == not_enough(1, "ann")
	found({"approvers": []}) == not_enough(0, "ann")
	found({"approvers": null}) == not_enough(0, "ann")
	found({"approvers": ["bob", null, " "]}) == not_enough(1, "ann")
}

test_nobody_counts_twice if {
	found({"approvers": ["ann", "bob"]}) == not_enough(1, "ann")
	found({"approvers": ["Ann", "bob"]}) == not_enough(1, "ann")
	found({"author": "ANN", "approvers": ["ann", "bob"]}) == not_enough(1, "ANN")
	found({"approvers": ["BOB", "bob"]}) == not_enough(1, "ann")
}

test_without_an_author_nobody_is_another if {
	found({"author": null}) == not_enough(0, null)
	found({"author": " "}) == not_enough(0, " ")
}

test_not_known if {
	every status in ["error", null] {
		found({"status": status, "approvers": [], "reason": "the forge refused"}) == {{
			"subject": "repository", "message": "who approved the change is not known: the forge refused",
			"observed": null, "expected": 2,
		}}
	}
}

not_applicable(kind, status) := result if {
	result := material_change.not_applicable with input as release(kind, {"status": status})
		with data.parameters as parameters
}

test_it_applies_to_material_changes_in_pull_requests if {
	every kind in ["data", "purpose"] {
		not_applicable(kind, "ok") == set()
		not_applicable(kind, "error") == set()
		not_applicable(kind, "none") == {"no pull request is built"}
	}
	every kind in ["initial", "retraining", "recalibration", "features", "algorithm"] {
		not_applicable(kind, "ok") == {sprintf("a change of the kind `%s` is not material", [kind])}
	}
}

test_a_kind_that_is_not_known_may_be_material if {
	not_applicable(null, "ok") == set()
	not_applicable(7, "error") == set()
}

test_without_a_pull_request_nothing_is_found if found({"status": "none"}) == set()
