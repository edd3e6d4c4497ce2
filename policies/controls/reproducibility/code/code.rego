# METADATA
# title: The commit that trained the model is recorded
# description: |-
#   The record `reproducibility` names the repository of the training code and the full id of its commit.
#   With `same_repository`, where that code is in the repository of the release, the commit is also the
#   one that is released, and no file differs from it.
# custom:
#   id: REP-001
#   severity: medium
#   remediation: >-
#     Write repository and full commit id of the training code into the record `reproducibility`; let
#     the job that trains write it.
#   waivable: true
#   parameters:
#     same_repository: {type: boolean, description: Whether the training code is in the repository of the release}
#   frameworks: [eu-ai-act:Art.12, nist-ai-rmf:MEASURE-2.1]
package modelgate.controls.reproducibility.code

import data.modelgate.lib.record

commit := record.field("reproducibility", "commit")

violation contains finding if some finding in record.absent("reproducibility")

violation contains record.about("reproducibility", problem) if {
	count(record.absent("reproducibility")) == 0
	some problem in problems
}

problems contains problem if {
	code := record.field("reproducibility", "code")
	not record.filled(code)
	problem := {
		"message": "the repository of the training code is not named",
		"observed": code,
		"expected": "a repository",
	}
}

problems contains problem if {
	not is_full_id
	problem := {
		"message": "the commit of the training code is not named",
		"observed": commit,
		"expected": "a full commit id",
	}
}

problems contains problem if {
	data.parameters.same_repository == true
	released := object.get(input, ["repository", "commit"], null)
	commit != released
	problem := {
		"message": sprintf("the model was trained at the commit %v, and %v is released", [commit, released]),
		"observed": commit,
		"expected": released,
	}
}

problems contains problem if {
	data.parameters.same_repository == true
	dirty := object.get(input, ["repository", "dirty"], null)
	dirty != false
	problem := {
		"message": "it is not known that the files of the release are those of the commit",
		"observed": dirty,
		"expected": false,
	}
}

is_full_id if {
	is_string(commit)
	regex.match(`^([0-9a-f]{40}|[0-9a-f]{64})$`, commit)
}
