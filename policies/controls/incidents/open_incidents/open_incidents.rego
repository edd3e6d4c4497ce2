# METADATA
# title: No grave incident is open
# description: |-
#   A release on top of an incident that nobody has understood repeats it. No incident of the tier's
#   severity or above is open; one that closes on a day to come still is, and one without a severity
#   counts as grave. Without a record of incidents there is nothing to judge: INC-001 asks for one.
# custom:
#   id: INC-002
#   severity: high
#   remediation: >-
#     Find the cause of the incident, mend it and close it; if this release is what mends it, have
#     somebody who may do so accept the risk until then.
#   waivable: true
#   parameters:
#     severity:
#       {type: string, description: "Least severity of an open incident that is a finding: `low`, `medium` or `high`"}
#   frameworks: [eu-ai-act:Art.72, nist-ai-rmf:MANAGE-4.1, sr-26-2:ongoing-monitoring]
package modelgate.controls.incidents.open_incidents

import data.modelgate.lib.day
import data.modelgate.lib.rating
import data.modelgate.lib.record

not_applicable contains "no incidents are recorded" if record.none("incidents")

violation contains finding if some finding in record.lacking("incidents", "incidents")

violation contains record.about("incidents", problem) if {
	some incident in record.list("incidents", "incidents")
	not day.has_come(incident.closed)
	severity := object.get(incident, "severity", null)
	not rating.below(severity, data.parameters.severity)
	problem := {
		"message": sprintf("the incident %s is open, and its severity is %v", [record.id(incident), severity]),
		"observed": severity,
		"expected": sprintf("none of severity %s or above", [data.parameters.severity]),
	}
}
