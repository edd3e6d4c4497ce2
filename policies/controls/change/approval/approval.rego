# METADATA
# title: Somebody else approved the change
# description: |-
#   A person other than the author approved the newest commit of the pull request. The forge is asked; a
#   manifest cannot say it. Runs that build no pull request are not judged.
# custom:
#   id: CHG-004
#   severity: medium
#   remediation: Have somebody who did not write the change approve its newest commit, and give the step a token that may read the pull request.
#   waivable: true
#   frameworks: [nist-ai-rmf:MEASURE-1.3, sr-26-2:effective-challenge]
package modelgate.controls.change.approval

not_applicable contains "no pull request is built" if input.repository.review.status == "none"

independent := {login | some login in input.repository.review.approvers; login != input.repository.review.author}

violation contains finding if {
	input.repository.review.status == "ok"
	count(independent) == 0
	finding := {
		"subject": "repository",
		"message": sprintf("nobody but the author `%s` approved the newest commit of request %d", [input.repository.review.author, input.repository.review.request]),
		"observed": input.repository.review.approvers,
		"expected": "the approval of another person",
	}
}

violation contains finding if {
	not input.repository.review.status in {"ok", "none"}
	finding := {
		"subject": "repository",
		"message": sprintf("who approved the change is not known: %v", [input.repository.review.reason]),
		"observed": null,
		"expected": "the approval of another person",
	}
}
