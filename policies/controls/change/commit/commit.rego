# METADATA
# title: The release is a commit
# description: |-
#   What is decided about can be found again: the gate runs on a commit, and no file of the release differs
#   from it. Judged in CI only; on a person's machine one looks before one commits.
# custom:
#   id: CHG-002
#   severity: high
#   remediation: Commit every file of the release before the gate runs, and let the job check the commit out with Git.
#   waivable: false
#   frameworks: [eu-ai-act:Art.12, nist-ai-rmf:MANAGE-4.1]
package modelgate.controls.change.commit

not_applicable contains "judged in CI" if input.repository.origin == "local"

violation contains finding if {
	not is_string(input.repository.commit)
	finding := {
		"subject": "repository",
		"message": sprintf("the commit is not known: %v", [input.repository.reason]),
		"observed": null,
		"expected": "a commit",
	}
}

violation contains finding if {
	input.repository.dirty == true
	finding := {
		"subject": "repository",
		"message": sprintf("files of the release differ from the commit %s", [input.repository.commit]),
		"observed": "changed files",
		"expected": "none",
	}
}
