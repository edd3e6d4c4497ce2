# METADATA
# title: No placeholder is left in the model card
# description: A card that still says TODO was not finished, and nobody can tell which of its other sentences came with the template.
# custom:
#   id: DOC-003
#   severity: low
#   remediation: Write what the placeholder stands for, or remove the section.
#   waivable: true
#   needs: [card]
#   frameworks: [iso-42001:A.6.2.7]
package modelgate.controls.documentation.card_placeholders

violation contains finding if {
	some section in input.card.sections
	section.placeholder
	finding := {
		"subject": sprintf("card/%s", [input.card.path]),
		"message": sprintf("the section `%s` holds a placeholder", [section.heading]),
		"source": {"file": input.card.path, "line": section.line},
	}
}
