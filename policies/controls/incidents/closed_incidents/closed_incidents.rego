# METADATA
# title: Closed incidents were understood, and reported where they had to be
# description: |-
#   An incident is closed once its cause is known, not before it was noticed and not on a day to come. One
#   that the authority has to be told about (`reported_to_authority` is false) was not: open or closed,
#   that is a finding. Without a record of incidents there is nothing to judge: INC-001 asks for one.
# custom:
#   id: INC-003
#   severity: high
#   remediation: >-
#     Write down the root cause of the incident, correct its days, and tell the authority where there is
#     a duty to; then set `reported_to_authority` to true.
#   waivable: true
#   frameworks: [eu-ai-act:Art.72, nist-ai-rmf:MANAGE-4.1]
package modelgate.controls.incidents.closed_incidents

import data.modelgate.lib.day
import data.modelgate.lib.record

not_applicable contains "no incidents are recorded" if record.none("incidents")

incidents := record.list("incidents", "incidents")

closed_incidents contains incident if {
	some incident in incidents
	object.get(incident, "closed", null) != null
}

violation contains finding if some finding in record.lacking("incidents", "incidents")

violation contains record.about("incidents", problem) if {
	some incident in closed_incidents
	cause := object.get(incident, "root_cause", null)
	not record.filled(cause)
	problem := {
		"message": sprintf("the incident %s is closed without a root cause", [record.id(incident)]),
		"observed": cause,
		"expected": "a root cause",
	}
}

violation contains record.about("incidents", problem) if {
	some incident in closed_incidents
	not day.in_order(object.get(incident, "opened", null), incident.closed)
	problem := {
		"message": sprintf("the incident %s is closed before it was opened", [record.id(incident)]),
		"observed": incident.closed,
		"expected": object.get(incident, "opened", null),
	}
}

violation contains record.about("incidents", problem) if {
	some incident in closed_incidents
	not day.has_come(incident.closed)
	problem := {
		"message": sprintf("the incident %s is closed on a day that has not come", [record.id(incident)]),
		"observed": incident.closed,
		"expected": "today or earlier",
	}
}

violation contains record.about("incidents", problem) if {
	some incident in incidents
	reported := object.get(incident, "reported_to_authority", null)
	not reported in {true, null}
	problem := {
		"message": sprintf("the incident %s had to be reported to the authority and was not", [record.id(incident)]),
		"observed": reported,
		"expected": true,
	}
}
