# METADATA
# title: The model card says what its readers need
# description: |-
#   The sections that the tier asks for are there, found by the meaning of their headings, and have
#   content: at least so many words that are no placeholder.
# custom:
#   id: DOC-002
#   severity: medium
#   remediation: Write the missing sections of the model card; a few honest sentences each.
#   waivable: true
#   needs: [card]
#   parameters:
#     sections: {type: array, description: Kinds of section that must be there}
#     minimum_words: {type: integer, description: Least words of content in each}
#   frameworks: [eu-ai-act:Art.11, eu-ai-act:Art.13, iso-42001:A.6.2.7, nist-ai-rmf:MEASURE-2.1]
package modelgate.controls.documentation.card_sections

violation contains finding if {
	some kind in data.parameters.sections
	count(written(kind)) == 0
	finding := {
		"subject": sprintf("card/%s", [input.card.path]),
		"message": sprintf("there is no section about %s", [replace(kind, "-", " ")]),
		"observed": null,
		"expected": kind,
	}
}

violation contains finding if {
	some kind in data.parameters.sections
	words := max({section.words | some section in written(kind)})
	words < data.parameters.minimum_words
	some section in written(kind)
	section.words == words
	finding := {
		"subject": sprintf("card/%s", [input.card.path]),
		"message": sprintf("the section `%s` has %d words of content", [section.heading, words]),
		"observed": words,
		"expected": data.parameters.minimum_words,
		"source": {"file": input.card.path, "line": section.line},
	}
}

written(kind) := {section | some section in input.card.sections; section.kind == kind}
