# METADATA
# title: The change is described
# description: Reviewers need to know what is different from the version in use, and why.
# custom:
#   id: CHG-001
#   severity: low
#   remediation: Describe under `change` what changed and why, in a few sentences.
#   waivable: true
#   needs: [change]
#   parameters:
#     minimum_words: {type: integer, description: Least words of the summary}
#   frameworks: [eu-ai-act:Annex-IV.6, nist-ai-rmf:MANAGE-4.1]
package modelgate.controls.change.description

import data.modelgate.lib.text

violation contains finding if {
	words := text.words(input.change.summary)
	words < data.parameters.minimum_words
	finding := {
		"subject": "manifest",
		"message": sprintf("the summary of the change has %d words", [words]),
		"observed": words,
		"expected": data.parameters.minimum_words,
	}
}
