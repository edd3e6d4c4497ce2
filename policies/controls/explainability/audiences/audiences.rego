# METADATA
# title: Those who need an explanation get one
# description: |-
#   A record of the kind `explainability` says how decisions are explained, and that each audience which the
#   tier asks for is given explanations. The person whom a decision is about is asked for only in fields with
#   consequences for a person, such as credit.
# custom:
#   id: EXP-001
#   severity: medium
#   remediation: >-
#     Give the audience that is missing explanations it can use (reasons in plain words for a person,
#     contributions of the inputs for a validator) and list it under `audiences`.
#   waivable: true
#   parameters:
#     audiences:
#       {type: array,
#        description: "Who must be given explanations, of affected-person, operator, validator and regulator"}
#   frameworks: [eu-ai-act:Art.13]
package modelgate.controls.explainability.audiences

import data.modelgate.lib.intake
import data.modelgate.lib.record

gaps := record.lacking("explainability", "audiences")

asked_for contains audience if {
	some audience in data.parameters.audiences
	audience != "affected-person"
}

asked_for contains "affected-person" if {
	"affected-person" in data.parameters.audiences
	not intake.decides_about_nobody
}

violation contains finding if some finding in gaps

violation contains record.about("explainability", problem) if {
	count(gaps) == 0
	served := record.list("explainability", "audiences")
	some audience in asked_for
	not audience in served
	problem := {
		"message": sprintf("no explanation is given to: %s", [replace(audience, "-", " ")]),
		"observed": served,
		"expected": audience,
	}
}
