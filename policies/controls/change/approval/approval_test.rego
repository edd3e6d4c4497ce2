package modelgate.controls.change.approval_test

import data.modelgate.controls.change.approval

review(changes) := {"repository": {"review": object.union({
	"status": "ok", "request": 7, "author": "ann", "approvers": ["bob"], "reason": null,
}, changes)}}

found(changes) := result if {
	result := approval.violation with input as review(changes)
}

test_another_person if {
	found({}) == set()
	found({"approvers": ["ann", "bob"]}) == set()
}

test_nobody_else if {
	found({"approvers": []}) == {{
		"subject": "repository", "message": "nobody but the author `ann` approved the newest commit of request 7",
		"observed": [], "expected": "the approval of another person",
	}}
	count(found({"approvers": ["ann"]})) == 1
}

test_not_known if found({"status": "error", "approvers": [], "reason": "the forge refused"}) == {{
	"subject": "repository", "message": "who approved the change is not known: the forge refused",
	"observed": null, "expected": "the approval of another person",
}}

test_it_applies_to_pull_requests if {
	approval.not_applicable == {"no pull request is built"} with input as review({"status": "none"})
	approval.not_applicable == set() with input as review({"status": "error"})
}

test_without_a_pull_request_nothing_is_found if found({"status": "none", "approvers": []}) == set()
