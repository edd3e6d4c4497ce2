# METADATA
# title: The model's licence is one that the tier allows
# description: |-
#   The terms of use decide who may run the model and for what. Judged is every file that states the model's
#   licence: the card, the bill of materials for the model that it is of, and model files that say it themselves, such
#   as GGUF and Core ML. There is at least one, each leaves a way to comply with allowed licences only, and they say the same: SPDX expressions
#   without regard to case.
# custom:
#   id: ART-005
#   severity: medium
#   remediation: >-
#     State the licence as an SPDX id (or `other` or `proprietary`, where the tier allows them) as `license` in the
#     card's front matter, and the same in the bill of materials and in what packs the model; if the terms are not
#     allowed, start from a model that comes under others.
#   waivable: true
#   parameters:
#     allowed: {type: array, description: "Licences that a model may have: SPDX ids, `other` or `proprietary`"}
#   frameworks: [eu-ai-act:Art.11, iso-42001:A.6.2.7]
package modelgate.controls.artifact.licence

allowed := {lower(licence) | some licence in data.parameters.allowed}

# Whether some way to comply with it needs nothing but allowed licences.
is_allowed(licence) if {
	some option in licence.options
	count(option) > 0
	every id in option {
		id in allowed
	}
}

violation contains finding if {
	count(input.supply_chain.licences) == 0
	finding := {
		"subject": "release",
		"message": "no file states the licence of the model",
		"observed": null,
		"expected": data.parameters.allowed,
	}
}

violation contains finding if {
	some licence in input.supply_chain.licences
	not is_allowed(licence)
	finding := {
		"subject": subject(licence),
		"message": sprintf("the licence is `%s`, which is not allowed", [licence.stated]),
		"observed": licence.stated,
		"expected": data.parameters.allowed,
		"source": {"file": licence.path, "line": 1},
	}
}

violation contains finding if {
	count({licence.options | some licence in input.supply_chain.licences}) > 1
	said := [sprintf("`%s` (%s)", [licence.stated, licence.path]) | some licence in input.supply_chain.licences]
	finding := {
		"subject": "release",
		"message": sprintf("the files state different licences: %s", [concat(", ", said)]),
		"observed": [licence.stated | some licence in input.supply_chain.licences],
		"expected": "one licence",
	}
}

subject(licence) := sprintf("card/%s", [licence.path]) if licence.source == "card"

subject(licence) := "bill-of-materials" if licence.source == "bill-of-materials"

subject(licence) := sprintf("artifact/%s", [licence.path]) if licence.source == "artifact"
