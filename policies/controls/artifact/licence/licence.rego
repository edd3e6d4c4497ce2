# METADATA
# title: The model's licence is one that the tier allows
# description: |-
#   The terms of use decide who may run the model and for what. Judged is the `license` of the card's front
#   matter, without regard to case; a licence that is not stated is none that is allowed.
# custom:
#   id: ART-005
#   severity: medium
#   remediation: >-
#     State the licence as an SPDX id (or `other` or `proprietary`, where the tier allows them) as `license` in the
#     card's front matter; if the terms are not allowed, start from a model that comes under others.
#   waivable: true
#   needs: [card]
#   parameters:
#     allowed: {type: array, description: "Licences that a model may have: SPDX ids, `other` or `proprietary`"}
#   frameworks: [eu-ai-act:Art.11, iso-42001:A.6.2.7]
package modelgate.controls.artifact.licence

import data.modelgate.lib.measured

is_allowed if {
	measured.stated(input.card.license)
	lower(trim_space(input.card.license)) in {lower(licence) | some licence in data.parameters.allowed}
}

violation contains finding if {
	not is_allowed
	licence := object.get(input.card, "license", null)
	finding := {
		"subject": sprintf("card/%s", [input.card.path]),
		"message": sprintf("the licence is %s", [described(licence)]),
		"observed": licence,
		"expected": data.parameters.allowed,
		"source": {"file": input.card.path, "line": 1},
	}
}

described(licence) := sprintf("`%s`, which is not allowed", [licence]) if {
	measured.stated(licence)
} else := "not stated"
