# METADATA
# title: Every alert reaches somebody who knows what to do
# description: An alert without a severity, a receiver or a runbook rings in an empty room.
# custom:
#   id: MON-003
#   severity: medium
#   remediation: Give each alert a label `severity`, a label `team` for its route, and an annotation `runbook_url`.
#   waivable: true
#   needs: [monitoring]
#   parameters:
#     required: {type: array, description: "What each alert must have, of severity, route and runbook"}
#   frameworks: [eu-ai-act:Art.72, nist-ai-rmf:MANAGE-4.1]
package modelgate.controls.monitoring.reachability

violation contains finding if {
	some signal in input.monitoring.signals
	some part in data.parameters.required
	parts := {"severity": signal.severity, "route": signal.route, "runbook": signal.runbook}
	not is_string(object.get(parts, part, null))
	finding := {
		"subject": sprintf("monitoring/%s", [signal.name]),
		"message": sprintf("the alert has no %s", [part]),
		"observed": null,
		"expected": part,
		"source": signal.source,
	}
}
