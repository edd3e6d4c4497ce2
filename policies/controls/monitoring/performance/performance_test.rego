package modelgate.controls.monitoring.performance_test

import data.modelgate.controls.monitoring.performance

found(signals) := result if {
	result := performance.violation with input as {"monitoring": {"signals": signals}}
}

test_watched if found([{"kind": "performance", "metrics": ["auc"]}]) == set()

test_not_watched if found([{"kind": "operational", "metrics": ["up"]}]) == {{
	"subject": "monitoring", "message": "no alert watches the performance of the model", "observed": ["operational"],
	"expected": "a signal of the kind `performance`",
}}

test_a_constant_watches_nothing if count(found([{"kind": "performance", "metrics": []}])) == 1
