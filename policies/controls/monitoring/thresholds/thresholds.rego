# METADATA
# title: Alerts on the model's quality have a threshold and a time
# description: |-
#   An alert without a number fires on anything or on nothing, and one without a time on every blip. Each alert on
#   performance, drift or fairness compares with a number, and either looks back over a window or must hold for a
#   duration: a number of seconds above zero. A threshold may be negative, as for a drop.
# custom:
#   id: MON-006
#   severity: medium
#   remediation: >-
#     Compare the metric with a number in the alert's condition, and give it a `for` duration or a range such as
#     `[7d]` over which it is taken.
#   waivable: true
#   needs: [monitoring]
#   frameworks: [eu-ai-act:Art.72, nist-ai-rmf:MEASURE-2.4, iso-42001:A.6.2.6, sr-26-2:ongoing-monitoring]
package modelgate.controls.monitoring.thresholds

judged contains signal if {
	some signal in input.monitoring.signals
	signal.kind in {"performance", "data-drift", "prediction-drift", "fairness"}
}

not_applicable contains "no alert watches performance, drift or fairness (see MON-001, MON-002 and MON-004)" if {
	count(input.monitoring.files) > 0
	count(judged) == 0
}

has_time(signal) if {
	some seconds in [object.get(signal, "for_seconds", null), object.get(signal, "window_seconds", null)]
	is_number(seconds)
	seconds > 0
}

violation contains finding if {
	some signal in judged
	not is_number(signal.threshold)
	finding := {
		"subject": sprintf("monitoring/%s", [signal.name]),
		"message": "the alert compares with no number",
		"observed": object.get(signal, "threshold", null),
		"expected": "a threshold",
		"source": signal.source,
	}
}

violation contains finding if {
	some signal in judged
	not has_time(signal)
	finding := {
		"subject": sprintf("monitoring/%s", [signal.name]),
		"message": "the alert has neither a window nor a duration",
		"observed": null,
		"expected": "a window or a duration above zero",
		"source": signal.source,
	}
}
