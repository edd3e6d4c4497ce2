# METADATA
# title: The data-protection officer was asked about sensitive data
# description: |-
#   Where data about health, special categories of data, biometric data or data about children is used,
#   whoever answers for data protection was consulted. Other data is not judged.
# custom:
#   id: PRI-003
#   severity: high
#   remediation: >-
#     Put the privacy assessment to the data-protection officer, work in what they say, and set
#     `officer_consulted` to true.
#   waivable: true
#   frameworks: [eu-ai-act:Art.9, eu-ai-act:Art.10]
package modelgate.controls.privacy.officer

import data.modelgate.lib.intake
import data.modelgate.lib.record

not_applicable contains "no sensitive data is used" if intake.holds_nothing_sensitive

violation contains finding if some finding in record.absent("privacy_assessment")

violation contains record.about("privacy_assessment", problem) if {
	count(record.absent("privacy_assessment")) == 0
	consulted := record.field("privacy_assessment", "officer_consulted")
	consulted != true
	problem := {"message": "the data-protection officer was not consulted", "observed": consulted, "expected": true}
}
