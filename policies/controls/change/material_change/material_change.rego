# METADATA
# title: Enough people approved a material change
# description: |-
#   Other features, data, algorithms or purposes make another model of it, for which one approval is not enough. So many
#   people other than the author approved the newest commit of the pull request; the forge is asked. That the model was
#   validated by somebody but its owner is asked by INT-002, and one approval of any change by CHG-004.
# custom:
#   id: CHG-005
#   severity: high
#   remediation: >-
#     Have as many people who did not write the change approve its newest commit, the validator among them, and give the
#     step a token that may read the pull request.
#   waivable: true
#   needs: [change]
#   parameters:
#     kinds: {type: array, description: "Kinds of change that are material, such as features and data"}
#     minimum_approvals: {type: integer, description: Least approvals by people other than the author}
#   frameworks: [eu-ai-act:Annex-IV.6, nist-ai-rmf:MEASURE-1.3, sr-26-2:effective-challenge]
package modelgate.controls.change.material_change

import data.modelgate.lib.measured

not_applicable contains "no pull request is built" if input.repository.review.status == "none"

not_applicable contains sprintf("a change of the kind `%s` is not material", [input.change.kind]) if {
	is_string(input.change.kind)
	not input.change.kind in data.parameters.kinds
}

# Forges do not tell upper from lower case in names. Who is the author must be known for anybody to be another.
independent := {lower(login) |
	measured.stated(input.repository.review.author)
	some login in measured.items(input.repository.review, "approvers")
	measured.stated(login)
	lower(login) != lower(input.repository.review.author)
}

violation contains finding if {
	input.repository.review.status == "ok"
	count(independent) < data.parameters.minimum_approvals
	finding := {
		"subject": "repository",
		"message": sprintf(
			"%d people other than the author `%v` approved the newest commit of request %v",
			[count(independent), input.repository.review.author, input.repository.review.request],
		),
		"observed": count(independent),
		"expected": data.parameters.minimum_approvals,
	}
}

violation contains finding if {
	not input.repository.review.status in {"ok", "none"}
	finding := {
		"subject": "repository",
		"message": sprintf("who approved the change is not known: %v", [input.repository.review.reason]),
		"observed": null,
		"expected": data.parameters.minimum_approvals,
	}
}
