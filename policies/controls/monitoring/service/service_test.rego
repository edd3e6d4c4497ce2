package modelgate.controls.monitoring.service_test

import data.modelgate.controls.monitoring.service

found(signals) := result if {
	result := service.violation with input as {"monitoring": {"signals": signals}}
}

test_watched if found([{"kind": "operational", "metrics": ["up"]}]) == set()

test_not_watched if found([{"kind": "performance", "metrics": ["auc"]}]) == {{
	"subject": "monitoring", "message": "no alert watches the service", "observed": ["performance"],
	"expected": "a signal of the kind `operational`",
}}

test_a_constant_watches_nothing if count(found([{"kind": "operational", "metrics": []}])) == 1
