package modelgate.controls.drift.predictions_test

import data.modelgate.controls.drift.predictions

parameters(required) := {"maximum": 0.25, "required": required}

release(drift) := {"evaluations": [{"name": "holdout", "drift": drift}]}

index(value) := {"population_stability_index": {
	"status": "ok", "value": value, "interval": {"low": 0, "high": 1}, "reason": null,
}}

found(drift) := result if {
	result := predictions.violation with input as release(drift) with data.parameters as parameters(true)
}

complaint(part, message, observed, expected) := {
	"subject": sprintf("evaluation/holdout/%s", [part]), "message": message, "observed": observed, "expected": expected,
}

not_compared(part) := complaint(
	part, sprintf("the %ss were not compared with those of the training data", [part]),
	null, "a comparison",
)

test_alike if found({"score": index(0.25), "label": index(0.25)}) == set()

test_other_parts_are_not_judged_here if found({"score": index(0), "label": index(0), "other": index(0.5)}) == set()

test_moved if {
	found({"score": index(0.5), "label": index(0)}) == {complaint(
		"score", "the population stability index of the scores is 0.5000, above 0.25",
		0.5, 0.25,
	)}
	found({"score": index(0), "label": index(0.5)}) == {complaint(
		"label", "the population stability index of the labels is 0.5000, above 0.25",
		0.5, 0.25,
	)}
}

test_without_a_value if {
	every part in ["score", "label"] {
		message := sprintf("the population stability index of the %ss has no value: no reason is given", [part])
		every broken in [
			{"population_stability_index": null},
			{"population_stability_index": {"status": "error", "value": 0}},
		] {
			drift := json.patch(
				{"score": index(0), "label": index(0)},
				[{"op": "replace", "path": sprintf("/%s", [part]), "value": broken}],
			)
			found(drift) == {complaint(part, message, null, 0.25)}
		}
	}
}

test_one_was_not_compared if {
	found({"score": index(0)}) == {not_compared("label")}
	found({"label": index(0), "score": null}) == {not_compared("score")}
	predictions.violation == set() with input as release({"score": index(0)})
		with data.parameters as parameters(false)
	predictions.not_applicable == set() with input as release({"label": index(0)})
		with data.parameters as parameters(false)
}

test_none_was_compared if {
	every drift in [null, "train", {}, {"score": null, "label": 0.1}, {"other": {}}] {
		found(drift) == {not_compared("score"), not_compared("label")}
		tolerated := predictions.violation with input as release(drift) with data.parameters as parameters(false)
		tolerated == set()
		reasons := predictions.not_applicable with input as release(drift) with data.parameters as parameters(false)
		reasons == {"neither scores nor labels were compared with those of the training data"}
	}
}

test_it_applies_where_a_comparison_is_required if {
	predictions.not_applicable == set() with input as release(null) with data.parameters as parameters(true)
	predictions.not_applicable == set() with input as {"evaluations": []}
		with data.parameters as parameters(false)
}
