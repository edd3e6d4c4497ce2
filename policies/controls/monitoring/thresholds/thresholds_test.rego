package modelgate.controls.monitoring.thresholds_test

import data.modelgate.controls.monitoring.thresholds

signal(changes) := object.union({
	"name": "A", "kind": "performance", "threshold": 0.7, "for_seconds": 60, "window_seconds": 3600,
	"source": {"file": "alerts.yml", "line": 3},
}, changes)

found(changes) := result if {
	result := thresholds.violation with input as {"monitoring": {"signals": [signal(changes)]}}
}

complaint(message, observed, expected) := {{
	"subject": "monitoring/A", "message": message, "observed": observed, "expected": expected,
	"source": {"file": "alerts.yml", "line": 3},
}}

untimed := complaint("the alert has neither a window nor a duration", null, "a window or a duration above zero")

test_complete if {
	every kind in ["performance", "data-drift", "prediction-drift", "fairness"] {
		found({"kind": kind}) == set()
		found({"kind": kind, "threshold": -0.05, "for_seconds": 0, "window_seconds": 1}) == set()
		found({"kind": kind, "threshold": 0, "for_seconds": 1, "window_seconds": null}) == set()
	}
}

test_no_threshold if {
	every kind in ["performance", "data-drift", "prediction-drift", "fairness"] {
		found({"kind": kind, "threshold": null}) == complaint("the alert compares with no number", null, "a threshold")
	}
	found({"threshold": "0.7"}) == complaint("the alert compares with no number", "0.7", "a threshold")
	findings := thresholds.violation with input as {"monitoring": {"signals": [object.remove(signal({}), {"threshold"})]}}
	findings == complaint("the alert compares with no number", null, "a threshold")
}

test_no_time if {
	found({"for_seconds": 0, "window_seconds": null}) == untimed
	found({"for_seconds": 0, "window_seconds": 0}) == untimed
	found({"for_seconds": "60", "window_seconds": "3600"}) == untimed
	found({"for_seconds": -60, "window_seconds": -1}) == untimed
	bare := object.remove(signal({}), {"for_seconds", "window_seconds"})
	findings := thresholds.violation with input as {"monitoring": {"signals": [bare]}}
	findings == untimed
}

test_other_alerts_are_not_judged if {
	every kind in ["data-quality", "operational", "safety", "unclassified"] {
		found({"kind": kind, "threshold": null, "for_seconds": 0, "window_seconds": null}) == set()
		others := {"files": [{}], "signals": [signal({"kind": kind})]}
		reasons := thresholds.not_applicable with input as {"monitoring": others}
		reasons == {"no alert watches performance, drift or fairness (see MON-001, MON-002 and MON-004)"}
	}
}

test_it_applies_to_alerts_on_quality if {
	thresholds.not_applicable == set() with input as {"monitoring": {"files": [{}], "signals": [signal({})]}}
	thresholds.not_applicable == set() with input as {"monitoring": {"files": [], "signals": []}}
}
