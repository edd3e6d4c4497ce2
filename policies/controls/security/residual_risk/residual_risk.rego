# METADATA
# title: No risk of an attack is left above the tier's limit
# description: |-
#   What is left of each threat once its mitigations are in place is at most what the tier bears. A risk
#   that is not rated is above every limit.
# custom:
#   id: SEC-002
#   severity: high
#   remediation: >-
#     Add mitigations until the risk that is left is within the limit and rate it again, or have
#     somebody who may do so accept it.
#   waivable: true
#   parameters:
#     maximum_residual: {type: string, description: "Greatest risk that may be left: `low`, `medium` or `high`"}
#   frameworks: [eu-ai-act:Art.9, eu-ai-act:Art.15, nist-ai-rmf:MEASURE-2.7]
package modelgate.controls.security.residual_risk

import data.modelgate.lib.rating
import data.modelgate.lib.record

violation contains finding if some finding in record.lacking("threat_model", "threats")

violation contains record.about("threat_model", problem) if {
	some threat in record.list("threat_model", "threats")
	residual := object.get(threat, "residual", null)
	not rating.within(residual, data.parameters.maximum_residual)
	problem := {
		"message": sprintf("the risk that is left of the threat %s is %v", [record.id(threat), residual]),
		"observed": residual,
		"expected": data.parameters.maximum_residual,
	}
}
