package modelgate.controls.security.residual_risk_test

import data.modelgate.controls.security.residual_risk

found(threats, maximum) := result if {
	result := residual_risk.violation with input as {"records": {"threat_model": {
		"file": {"path": "t.yaml"}, "content": {"threats": threats},
	}}}
		with data.parameters as {"maximum_residual": maximum}
}

left(observed, maximum) := {{
	"subject": "record/threat-model", "message": sprintf("the risk that is left of the threat T-1 is %v", [observed]),
	"observed": observed, "expected": maximum, "source": {"file": "t.yaml", "line": 1},
}}

test_within_the_limit if {
	found([], "low") == set()
	found([{"id": "T-1", "residual": "low"}, {"id": "T-2", "residual": "medium"}], "medium") == set()
}

test_above_the_limit if {
	found([{"id": "T-1", "residual": "high"}, {"id": "T-2", "residual": "low"}], "medium") == left("high", "medium")
	found([{"id": "T-1", "residual": "medium"}], "low") == left("medium", "low")
}

test_not_rated if {
	found([{"id": "T-1", "residual": 1}], "high") == left(1, "high")
	found([{"id": "T-1"}], "high") == left(null, "high")
}

test_no_record if {
	residual_risk.violation == {{
		"subject": "record/threat-model", "message": "the release has no such record", "observed": null,
		"expected": "a record of the kind `threat-model`",
	}} with input as {"records": {"threat_model": null}} with data.parameters as {"maximum_residual": "high"}
	count(found(null, "high")) == 1
}
