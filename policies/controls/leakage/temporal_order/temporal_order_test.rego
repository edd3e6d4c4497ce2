package modelgate.controls.leakage.temporal_order_test

import data.modelgate.controls.leakage.temporal_order

release(split, leakage) := {"evaluations": [{"name": "holdout", "holdout": {"split": split}, "leakage": leakage}]}

before(value) := {"before_reference": {
	"status": "ok", "value": value, "interval": {"low": 0, "high": 0.5}, "reason": null,
}}

found(split, leakage) := result if {
	result := temporal_order.violation with input as release(split, leakage)
		with data.parameters as {"required": true}
}

test_later if found("temporal", before(0)) == set()

test_earlier if found("temporal", before(0.0625)) == {{
	"subject": "evaluation/holdout", "message": "the share of rows before the end of the reference is 0.0625, above 0",
	"observed": 0.0625, "expected": 0,
}}

test_without_a_value if found("temporal", {"before_reference": null}) == {{
	"subject": "evaluation/holdout",
	"message": "the share of rows before the end of the reference has no value: no reason is given",
	"observed": null, "expected": 0,
}}

test_other_splits_are_not_judged if {
	every split in ["random", "by-entity", "external", null] {
		found(split, before(0.5)) == set()
		found(split, null) == set()
		reasons := temporal_order.not_applicable with input as release(split, before(0.5))
			with data.parameters as {"required": true}
		reasons == {"no evaluation declares a split by time"}
	}
	reasons := temporal_order.not_applicable with input as {"evaluations": [{"holdout": null}]}
		with data.parameters as {"required": false}
	reasons == {"no evaluation declares a split by time"}
}

test_not_compared if {
	found("temporal", null) == {{
		"subject": "evaluation/holdout", "message": "the rows were not compared with the end of the training data",
		"observed": null, "expected": "a comparison",
	}}
	temporal_order.violation == set() with input as release("temporal", null)
		with data.parameters as {"required": false}
	reasons := temporal_order.not_applicable with input as release("temporal", null)
		with data.parameters as {"required": false}
	reasons == {"the rows were not compared with the end of the training data"}
}

test_it_applies_where_a_comparison_is_required_or_there if {
	temporal_order.not_applicable == set() with input as release("temporal", null)
		with data.parameters as {"required": true}
	temporal_order.not_applicable == set() with input as release("temporal", {})
		with data.parameters as {"required": false}
	temporal_order.not_applicable == set() with input as {"evaluations": []}
		with data.parameters as {"required": false}
}
