package modelgate.controls.privacy.residual_risk_test

import data.modelgate.controls.privacy.residual_risk

found(risks, maximum) := result if {
	result := residual_risk.violation with input as {"records": {"privacy_assessment": {
		"file": {"path": "p.yaml"}, "content": {"risks": risks},
	}}}
		with data.parameters as {"maximum_residual": maximum}
}

left(observed, maximum) := {{
	"subject": "record/privacy-assessment", "message": sprintf("what is left of the risk P-1 is %v", [observed]),
	"observed": observed, "expected": maximum, "source": {"file": "p.yaml", "line": 1},
}}

test_within_the_limit if {
	found([], "low") == set()
	found([{"id": "P-1", "residual": "low"}, {"id": "P-2", "residual": "medium"}], "medium") == set()
}

test_above_the_limit if {
	found([{"id": "P-1", "residual": "high"}, {"id": "P-2", "residual": "low"}], "medium") == left("high", "medium")
	found([{"id": "P-1", "residual": "medium"}], "low") == left("medium", "low")
}

test_not_rated if {
	found([{"id": "P-1", "residual": 1}], "high") == left(1, "high")
	found([{"id": "P-1"}], "high") == left(null, "high")
}

test_no_record if {
	residual_risk.violation == {{
		"subject": "record/privacy-assessment", "message": "the release has no such record", "observed": null,
		"expected": "a record of the kind `privacy-assessment`",
	}} with input as {} with data.parameters as {"maximum_residual": "high"}
	count(found(null, "high")) == 1
}

test_it_applies_to_data_about_people if {
	reason := {"no data about people is used"}
	residual_risk.not_applicable == reason with input as {"intake": {"data_classes": ["internal"]}}
	residual_risk.not_applicable == set() with input as {"intake": {"data_classes": ["children"]}}
}
