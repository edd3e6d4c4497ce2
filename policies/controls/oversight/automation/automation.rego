# METADATA
# title: Nothing with consequences runs by itself unless somebody watches it and may stop it
# description: |-
#   Where nobody sees a decision before it takes effect, in a field with consequences for people, one and
#   the same overseer sees how the model performs and may take it out of use: whoever sees it go wrong
#   need not look for somebody who may act.
# custom:
#   id: OVR-003
#   severity: critical
#   remediation: >-
#     Give the powers `monitor` and `stop` to one role in `human-oversight` that is on duty whenever the
#     model decides, or have a person confirm each decision.
#   waivable: false
#   frameworks: [eu-ai-act:Art.9, nist-ai-rmf:MANAGE-4.1]
package modelgate.controls.oversight.automation

import data.modelgate.lib.record
import data.modelgate.tiering

not_applicable contains "a person sees decisions before or while they take effect" if {
	input.intake.autonomy in {"human-in-the-loop", "human-on-the-loop"}
}

not_applicable contains "its field has no such consequences for people" if {
	is_string(input.intake.domain)
	not input.intake.domain in tiering.consequential_domains
}

gaps := record.lacking("human_oversight", "overseers")

on_duty contains overseer if {
	some overseer in record.list("human_oversight", "overseers")
	is_array(overseer.powers)
	"monitor" in overseer.powers
	"stop" in overseer.powers
}

violation contains finding if some finding in gaps

violation contains record.about("human_oversight", problem) if {
	count(gaps) == 0
	count(on_duty) == 0
	problem := {
		"message": "nobody both watches what the model decides by itself and may stop it",
		"observed": null,
		"expected": "an overseer with the powers monitor and stop",
	}
}
