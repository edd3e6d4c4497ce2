# METADATA
# title: What the model does to people's privacy was assessed
# description: |-
#   A model that is built on data about people has a record of the kind `privacy-assessment`: on what
#   ground the data is used, how little of it, for how long, and what could happen to those people.
#   Models without data about people are not judged.
# custom:
#   id: PRI-001
#   severity: high
#   remediation: >-
#     Assess the use of the data with whoever answers for data protection, and add the result as a
#     record of the kind `privacy-assessment`.
#   waivable: true
#   frameworks: [eu-ai-act:Art.9, eu-ai-act:Art.10]
package modelgate.controls.privacy.assessment

import data.modelgate.lib.intake
import data.modelgate.lib.record

not_applicable contains "no data about people is used" if intake.holds_nothing_about_people

violation contains finding if some finding in record.absent("privacy_assessment")

violation contains record.about("privacy_assessment", problem) if {
	count(record.absent("privacy_assessment")) == 0
	some question in ["lawful_basis", "minimisation"]
	answer := record.field("privacy_assessment", question)
	not record.filled(answer)
	problem := {"message": sprintf("`%s` is not answered", [question]), "observed": answer, "expected": "an answer"}
}
