# METADATA
# title: Somebody notices when groups drift apart
# description: Where protected attributes are evaluated before the release, an alert compares the groups in use.
# custom:
#   id: MON-004
#   severity: medium
#   remediation: Add an alert on a comparison of groups, such as the impact ratio of matured decisions, with the label `modelgate_signal` set to `fairness`.
#   waivable: true
#   needs: [monitoring]
#   frameworks: [eu-ai-act:Art.72, nist-ai-rmf:MEASURE-2.11, nist-ai-rmf:MEASURE-2.4]
package modelgate.controls.monitoring.fairness

not_applicable contains "no protected attribute is evaluated" if {
	count({slice.column | some evaluation in input.evaluations; some slice in evaluation.slices; slice.protected}) == 0
}

watched if {
	some signal in input.monitoring.signals
	signal.kind == "fairness"
	count(signal.metrics) > 0
}

violation contains finding if {
	not watched
	finding := {
		"subject": "monitoring",
		"message": "no alert compares groups of people",
		"observed": sort({signal.kind | some signal in input.monitoring.signals}),
		"expected": "a signal of the kind `fairness`",
	}
}
