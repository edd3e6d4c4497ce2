# METADATA
# title: Somebody notices when the data drifts
# description: An alert watches the distribution of the inputs or of the predictions. Outcomes come late; drift shows first.
# custom:
#   id: MON-001
#   severity: high
#   remediation: Add an alert on the drift of inputs or scores, such as a population stability index above 0.2, with the label `modelgate_signal` set to `data-drift` or `prediction-drift`.
#   waivable: true
#   needs: [monitoring]
#   frameworks: [eu-ai-act:Art.72, nist-ai-rmf:MEASURE-2.4, iso-42001:A.6.2.6, sr-26-2:ongoing-monitoring]
package modelgate.controls.monitoring.drift

# A condition that reads no metric never changes its mind.
watched if {
	some signal in input.monitoring.signals
	signal.kind in {"data-drift", "prediction-drift"}
	count(signal.metrics) > 0
}

violation contains finding if {
	not watched
	finding := {
		"subject": "monitoring",
		"message": "no alert watches for drift",
		"observed": sort({signal.kind | some signal in input.monitoring.signals}),
		"expected": "a signal of the kind `data-drift` or `prediction-drift`",
	}
}
