# METADATA
# title: Alerts that are written down are switched on
# description: |-
#   A paused rule, a silenced monitor or a stopped schedule looks like monitoring and tells nobody. It counts for nothing
#   else here, and has to be switched on or taken out before the release.
# custom:
#   id: MON-009
#   severity: medium
#   remediation: Switch the alert on, or remove it from the configuration if nobody needs it.
#   waivable: true
#   needs: [monitoring]
#   frameworks: [eu-ai-act:Art.72, nist-ai-rmf:MANAGE-4.1]
package modelgate.controls.monitoring.active

import data.modelgate.lib.measured

violation contains finding if {
	some signal in measured.items(input.monitoring, "inactive")
	finding := {
		"subject": sprintf("monitoring/%s", [signal.name]),
		"message": sprintf("the alert is written down and raises no alarm: %s", [signal.reason]),
		"observed": signal.reason,
		"expected": "an alert that is on",
		"source": signal.source,
	}
}
