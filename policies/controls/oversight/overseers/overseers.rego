# METADATA
# title: Trained people oversee the model and may step in
# description: |-
#   Oversight is a power and not a look. A record of the kind `human-oversight` names the people or roles
#   that oversee the model, says how each is trained, and gives each power that the tier asks for to at
#   least one of them.
# custom:
#   id: OVR-001
#   severity: high
#   remediation: >-
#     Name in `human-oversight` who oversees the model, give the powers that are missing to a role that
#     can use them in time, and describe its training.
#   waivable: true
#   parameters:
#     powers: {type: array, description: "Powers that overseers must have, of override, stop, escalate and monitor"}
#   frameworks: [eu-ai-act:Art.9, nist-ai-rmf:MANAGE-4.1]
package modelgate.controls.oversight.overseers

import data.modelgate.lib.record

gaps := record.lacking("human_oversight", "overseers")

overseers := record.list("human_oversight", "overseers")

held := {power |
	some overseer in overseers
	is_array(overseer.powers)
	some power in overseer.powers
}

violation contains finding if some finding in gaps

violation contains record.about("human_oversight", problem) if {
	count(gaps) == 0
	some power in data.parameters.powers
	not power in held
	problem := {
		"message": sprintf("no overseer has the power to %s", [power]),
		"observed": sort(held),
		"expected": power,
	}
}

violation contains record.about("human_oversight", problem) if {
	some overseer in overseers
	training := object.get(overseer, "training", null)
	not record.filled(training)
	problem := {
		"message": sprintf("how the %v is trained is not said", [object.get(overseer, "role", "overseer")]),
		"observed": training,
		"expected": "its training",
	}
}
