# METADATA
# title: Somebody notices when the service fails
# description: An alert watches errors, latency or load of what serves the model.
# custom:
#   id: MON-005
#   severity: low
#   remediation: Add an alert on errors or latency of the service, with the label `modelgate_signal` set to `operational`.
#   waivable: true
#   needs: [monitoring]
#   frameworks: [nist-ai-rmf:MEASURE-2.4, iso-42001:A.6.2.6]
package modelgate.controls.monitoring.service

watched if {
	some signal in input.monitoring.signals
	signal.kind == "operational"
	count(signal.metrics) > 0
}

violation contains finding if {
	not watched
	finding := {
		"subject": "monitoring",
		"message": "no alert watches the service",
		"observed": sort({signal.kind | some signal in input.monitoring.signals}),
		"expected": "a signal of the kind `operational`",
	}
}
