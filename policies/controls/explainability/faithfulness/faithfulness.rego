# METADATA
# title: Explanations were checked against what the model does
# description: |-
#   An explanation that does not follow the model is a story about it. The record `explainability` says how
#   it was checked that explanations say what the model does, and where they mislead.
# custom:
#   id: EXP-002
#   severity: medium
#   remediation: >-
#     Compare explanations with the model (contributions that sum to its score, inputs that are removed
#     and change it as predicted) and describe method and result as `faithfulness_check`.
#   waivable: true
#   frameworks: [eu-ai-act:Art.13, nist-ai-rmf:MEASURE-2.5]
package modelgate.controls.explainability.faithfulness

import data.modelgate.lib.record

violation contains finding if some finding in record.absent("explainability")

violation contains record.about("explainability", problem) if {
	count(record.absent("explainability")) == 0
	some question in ["faithfulness_check", "limits"]
	answer := record.field("explainability", question)
	not record.filled(answer)
	problem := {"message": sprintf("`%s` is not answered", [question]), "observed": answer, "expected": "an answer"}
}
