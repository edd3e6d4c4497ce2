# METADATA
# title: It is declared what makes the model be trained again
# description: |-
#   Between an alert and a new version somebody has to decide; a declared trigger, such as a signal or a schedule, says
#   what about. At least one trigger states its condition.
# custom:
#   id: MON-007
#   severity: low
#   remediation: >-
#     Declare in the monitoring configuration which signals or which schedule lead to retraining, and who decides on it.
#   waivable: true
#   needs: [monitoring]
#   parameters:
#     required: {type: boolean, description: Whether a configuration that cannot say it fails; else it is not judged}
#   frameworks: [eu-ai-act:Art.72, nist-ai-rmf:MANAGE-4.1, sr-26-2:ongoing-monitoring]
package modelgate.controls.monitoring.retraining

import data.modelgate.lib.measured

were_read if is_array(input.monitoring.retraining_triggers)

not_applicable contains "no configuration that was read can say what leads to retraining" if {
	not data.parameters.required
	count(input.monitoring.files) > 0
	not were_read
}

violation contains finding if {
	not were_read
	finding := {
		"subject": "monitoring",
		"message": "no configuration that was read can say what leads to retraining",
		"observed": null,
		"expected": "a retraining trigger",
	}
}

violation contains finding if {
	were_read
	count([trigger | some trigger in input.monitoring.retraining_triggers; measured.stated(trigger.condition)]) == 0
	finding := {
		"subject": "monitoring",
		"message": "no retraining trigger is declared",
		"observed": input.monitoring.retraining_triggers,
		"expected": "a retraining trigger",
	}
}
