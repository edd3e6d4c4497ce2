package modelgate.controls.monitoring.fairness_test

import data.modelgate.controls.monitoring.fairness

found(signals) := result if {
	result := fairness.violation with input as {"monitoring": {"signals": signals}}
}

test_watched if found([{"kind": "fairness", "metrics": ["impact_ratio"]}]) == set()

test_not_watched if found([{"kind": "performance", "metrics": ["auc"]}]) == {{
	"subject": "monitoring", "message": "no alert compares groups of people", "observed": ["performance"],
	"expected": "a signal of the kind `fairness`",
}}

test_a_constant_watches_nothing if count(found([{"kind": "fairness", "metrics": []}])) == 1

test_it_applies_to_protected_attributes if {
	fairness.not_applicable == set() with input as {"evaluations": [{"slices": [{"column": "sex", "protected": true}]}]}
	fairness.not_applicable == {"no protected attribute is evaluated"} with input as {"evaluations": [{"slices": [{"column": "sex", "protected": false}]}]}
}
