package modelgate.controls.monitoring.active_test

import data.modelgate.controls.monitoring.active

source := {"file": "alerts.yml", "line": 3}

test_on if {
	active.violation == set() with input as {"monitoring": {"inactive": []}}
	active.violation == set() with input as {"monitoring": {"signals": []}}
}

test_off if {
	inactive := [{"name": "A", "kind": "performance", "reason": "it is silenced", "source": source}]
	findings := active.violation with input as {"monitoring": {"inactive": inactive}}
	findings == {{
		"subject": "monitoring/A", "message": "the alert is written down and raises no alarm: it is silenced",
		"observed": "it is silenced", "expected": "an alert that is on", "source": source,
	}}
}
