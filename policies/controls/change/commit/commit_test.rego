package modelgate.controls.change.commit_test

import data.modelgate.controls.change.commit

clean := {"origin": "github-actions", "commit": "abc", "dirty": false, "reason": null}

found(changes) := result if {
	result := commit.violation with input as {"repository": object.union(clean, changes)}
}

test_a_clean_commit if found({}) == set()

test_no_commit if found({"commit": null, "dirty": null, "reason": "no work tree"}) == {{
	"subject": "repository", "message": "the commit is not known: no work tree", "observed": null, "expected": "a commit",
}}

test_changed_files if found({"dirty": true}) == {{
	"subject": "repository", "message": "files of the release differ from the commit abc",
	"observed": "changed files", "expected": "none",
}}

test_it_applies_in_ci if {
	commit.not_applicable == {"judged in CI"} with input as {"repository": {"origin": "local"}}
	commit.not_applicable == set() with input as {"repository": {"origin": "gitlab-ci"}}
}
