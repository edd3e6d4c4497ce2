# METADATA
# title: The threat model covers the attacks that matter and answers the grave ones
# description: |-
#   Nobody defends against what nobody thought of. A record of the kind `threat-model` has at least one
#   threat of each kind of attack that the tier asks for, and each threat whose impact is high has a
#   mitigation. An impact that is not rated counts as high.
# custom:
#   id: SEC-001
#   severity: high
#   remediation: >-
#     Go through the kinds of attack that are missing with somebody who did not build the model, add a
#     threat for each to the record `threat-model`, and write under `mitigations` what stands against
#     those of high impact.
#   waivable: true
#   parameters:
#     attack_kinds: {type: array, description: "Kinds of attack that must be considered, as records name them"}
#   frameworks: [eu-ai-act:Art.9, eu-ai-act:Art.15, nist-ai-rmf:MEASURE-2.7]
package modelgate.controls.security.threat_model

import data.modelgate.lib.rating
import data.modelgate.lib.record

gaps := record.lacking("threat_model", "threats")

threats := record.list("threat_model", "threats")

considered := {threat.kind | some threat in threats}

mitigated(threat) if {
	is_array(threat.mitigations)
	count(threat.mitigations) > 0
}

violation contains finding if some finding in gaps

violation contains record.about("threat_model", problem) if {
	count(gaps) == 0
	some kind in data.parameters.attack_kinds
	not kind in considered
	problem := {
		"message": sprintf("no threat of the kind `%s` is considered", [kind]),
		"observed": sort(considered),
		"expected": kind,
	}
}

violation contains record.about("threat_model", problem) if {
	some threat in threats
	not rating.within(object.get(threat, "impact", null), "medium")
	not mitigated(threat)
	problem := {
		"message": sprintf("nothing stands against the threat %s, whose impact is high", [record.id(threat)]),
		"observed": object.get(threat, "mitigations", null),
		"expected": "a mitigation",
	}
}
