# METADATA
# title: The purpose is described
# description: Everything else is judged against what the model is for. A word or two do not say it.
# custom:
#   id: INT-003
#   severity: low
#   remediation: Say in `model.purpose` who uses the output, for which decision, about whom.
#   waivable: true
#   parameters:
#     minimum_words: {type: integer, description: Least number of words}
#   frameworks: [eu-ai-act:Annex-IV.1, nist-ai-rmf:MAP-1.1]
package modelgate.controls.intake.purpose

import data.modelgate.lib.text

violation contains finding if {
	words := text.words(input.model.purpose)
	words < data.parameters.minimum_words
	finding := {
		"subject": "manifest",
		"message": sprintf("the purpose has %d words", [words]),
		"observed": words,
		"expected": data.parameters.minimum_words,
	}
}
