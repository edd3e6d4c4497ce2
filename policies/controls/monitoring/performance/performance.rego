# METADATA
# title: Somebody notices when predictions get worse
# description: An alert compares predictions with outcomes once they are known.
# custom:
#   id: MON-002
#   severity: high
#   remediation: Add an alert on a performance metric of matured outcomes, with the label `modelgate_signal` set to `performance`.
#   waivable: true
#   needs: [monitoring]
#   frameworks: [eu-ai-act:Art.72, nist-ai-rmf:MEASURE-2.4, iso-42001:A.6.2.6, sr-26-2:ongoing-monitoring]
package modelgate.controls.monitoring.performance

watched if {
	some signal in input.monitoring.signals
	signal.kind == "performance"
	count(signal.metrics) > 0
}

violation contains finding if {
	not watched
	finding := {
		"subject": "monitoring",
		"message": "no alert watches the performance of the model",
		"observed": sort({signal.kind | some signal in input.monitoring.signals}),
		"expected": "a signal of the kind `performance`",
	}
}
