package modelgate.controls.change.champion_test

import data.modelgate.controls.change.champion

found(change) := result if {
	result := champion.violation with input as {"model": {"version": "2.0"}, "change": change}
}

test_a_change_of_a_version_in_use if found({"kind": "retraining", "champion_version": "1.0"}) == set()

test_a_first_release if {
	found({"kind": "initial"}) == set()
	found({"kind": "initial", "champion_version": null}) == set()
}

test_nothing_is_named if found({"kind": "retraining"}) == {{
	"subject": "manifest", "message": "the version in use is not named", "observed": null, "expected": "`change.champion_version`",
}}

test_a_first_release_that_replaces_something if found({"kind": "initial", "champion_version": "1.0"}) == {{
	"subject": "manifest", "message": "a first release replaces nothing, yet it names the version 1.0",
	"observed": "1.0", "expected": null,
}}

test_its_own_version if found({"kind": "retraining", "champion_version": "2.0"}) == {{
	"subject": "manifest", "message": "the version in use is this release's own, 2.0",
	"observed": "2.0", "expected": "another version",
}}
