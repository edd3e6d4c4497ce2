# METADATA
# title: No risk to people's privacy is left above the tier's limit
# description: |-
#   What is left of each risk to the people whose data is used, once the measures against it are in place,
#   is at most what the tier bears. A risk that is not rated is above every limit.
# custom:
#   id: PRI-002
#   severity: high
#   remediation: >-
#     Take further measures against the risk, such as fewer inputs or coarser ones, and rate what is
#     left of it again.
#   waivable: true
#   parameters:
#     maximum_residual: {type: string, description: "Greatest risk that may be left: `low`, `medium` or `high`"}
#   frameworks: [eu-ai-act:Art.9, eu-ai-act:Art.10]
package modelgate.controls.privacy.residual_risk

import data.modelgate.lib.intake
import data.modelgate.lib.rating
import data.modelgate.lib.record

not_applicable contains "no data about people is used" if intake.holds_nothing_about_people

violation contains finding if some finding in record.lacking("privacy_assessment", "risks")

violation contains record.about("privacy_assessment", problem) if {
	some risk in record.list("privacy_assessment", "risks")
	residual := object.get(risk, "residual", null)
	not rating.within(residual, data.parameters.maximum_residual)
	problem := {
		"message": sprintf("what is left of the risk %s is %v", [record.id(risk), residual]),
		"observed": residual,
		"expected": data.parameters.maximum_residual,
	}
}
