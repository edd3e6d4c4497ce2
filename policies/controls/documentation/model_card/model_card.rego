# METADATA
# title: A model card with a licence exists
# description: The card is what users, operators and reviewers read. It says under which terms the model may be used.
# custom:
#   id: DOC-001
#   severity: medium
#   remediation: Write a model card (`modelgate init` has a template), name it as `card`, and state its licence (`license` in the front matter of a Markdown card).
#   waivable: true
#   needs: [card]
#   frameworks: [eu-ai-act:Art.11, iso-42001:A.6.2.7]
package modelgate.controls.documentation.model_card

violation contains finding if {
	not has_license
	finding := {
		"subject": sprintf("card/%s", [input.card.path]),
		"message": "the card states no licence",
		"observed": input.card.license,
		"expected": "a licence, such as `apache-2.0` or `proprietary`",
		"source": {"file": input.card.path, "line": 1},
	}
}

has_license if {
	is_string(input.card.license)
	trim_space(input.card.license) != ""
}
