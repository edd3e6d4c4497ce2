package modelgate.controls.monitoring.drift_test

import data.modelgate.controls.monitoring.drift

found(signals) := result if {
	result := drift.violation with input as {"monitoring": {"signals": signals}}
}

test_watched if {
	found([{"kind": "data-drift", "metrics": ["psi"]}]) == set()
	found([{"kind": "performance", "metrics": ["auc"]}, {"kind": "prediction-drift", "metrics": ["psi"]}]) == set()
}

test_not_watched if found([{"kind": "performance", "metrics": ["auc"]}]) == {{
	"subject": "monitoring", "message": "no alert watches for drift", "observed": ["performance"],
	"expected": "a signal of the kind `data-drift` or `prediction-drift`",
}}

test_a_constant_watches_nothing if count(found([{"kind": "data-drift", "metrics": []}])) == 1
