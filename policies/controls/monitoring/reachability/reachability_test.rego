package modelgate.controls.monitoring.reachability_test

import data.modelgate.controls.monitoring.reachability

signal(changes) := object.union({
	"name": "A", "severity": "critical", "route": "team", "runbook": "https://example.com",
	"source": {"file": "alerts.yml", "line": 3},
}, changes)

found(changes) := result if {
	result := reachability.violation with input as {"monitoring": {"signals": [signal(changes)]}}
		with data.parameters as {"required": ["severity", "route", "runbook"]}
}

test_reachable if found({}) == set()

test_each_part if {
	every part in ["severity", "route", "runbook"] {
		found({part: null}) == {{
			"subject": "monitoring/A", "message": sprintf("the alert has no %s", [part]), "observed": null, "expected": part,
			"source": {"file": "alerts.yml", "line": 3},
		}}
	}
}

test_a_part_that_does_not_exist_is_never_there if {
	findings := reachability.violation with input as {"monitoring": {"signals": [signal({})]}} with data.parameters as {"required": ["pager"]}
	count(findings) == 1
}
