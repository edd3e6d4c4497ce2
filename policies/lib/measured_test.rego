package modelgate.lib.measured_test

import data.modelgate.lib.measured

metric(changes) := {"share": object.union({"status": "ok", "value": 0.25, "interval": null, "reason": null}, changes)}

above(measures, maximum, basis) := measured.above(measures, "share", maximum, basis, "the share")

without_value(why) := {{"message": sprintf("the share has no value: %s", [why]), "observed": null, "expected": 0.5}}

interval := {"interval": {"low": 0.125, "high": 0.375}}

others := [
	"regression", "forecasting", "ranking", "multiclass-classification", "multilabel-classification",
]

test_each_other_task_has_a_main_metric if measured.main_metrics == {
	"regression": "mean_absolute_error",
	"forecasting": "mean_absolute_error",
	"ranking": "ndcg",
	"multiclass-classification": "accuracy",
	"multilabel-classification": "micro_f1",
}

test_of_two_classes if {
	measured.of_two_classes({"task": "binary-classification"})
	every task in others {
		not measured.of_two_classes({"task": task})
	}
}

test_what_is_not_known_to_be_another_task_is_of_two_classes if {
	every evaluation in [
		{}, {"task": null}, {"task": ""}, {"task": "Regression"}, {"task": "clustering"}, {"task": ["regression"]},
		null, "regression",
	] {
		measured.of_two_classes(evaluation)
		not measured.none_of_two_classes([evaluation])
		not measured.none_of_two_classes([{"task": "regression"}, evaluation])
	}
}

test_none_of_two_classes if {
	measured.none_of_two_classes([{"task": task} | some task in others])
	not measured.none_of_two_classes([{"task": "regression"}, {"task": "binary-classification"}])
	not measured.none_of_two_classes([])
}

test_of_task if {
	measured.of_task({"task": "ranking"}, {"ranking", "regression"})
	not measured.of_task({"task": "ranking"}, {"regression"})
	not measured.of_task({}, {"regression"})
}

test_none_of_task if {
	measured.none_of_task([{"task": "ranking"}, {}], {"regression"})
	not measured.none_of_task([{"task": "ranking"}, {"task": "regression"}], {"regression"})
	not measured.none_of_task([], {"regression"})
}

counted(positives, rows) := {"prevalence": {"status": "ok", "value": 0.5, "numerator": positives, "n": rows}}

test_rows_of_classes if {
	measured.rows_of_classes(counted(3, 10)) == {"positive": 3, "negative": 7}
	measured.rows_of_classes(counted(0, 0)) == {"positive": 0, "negative": 0}
	every metrics in [
		{}, {"prevalence": null}, counted("3", 10), counted(3, "10"), counted(3, null),
		object.union(counted(3, 10), {"prevalence": {"status": "error"}}),
		object.union(counted(3, 10), {"prevalence": {"value": null}}),
		{"prevalence": {"status": "ok", "value": 0.5, "n": 10}},
	] {
		not measured.rows_of_classes(metrics)
	}
}

weighted(changes) := object.union(
	object.union(counted(null, 10), {
		"recall": {"status": "ok", "value": 0.5, "n": 3}, "specificity": {"status": "ok", "value": 0.5, "n": 7},
	}),
	changes,
)

test_rows_of_classes_with_weights if {
	measured.rows_of_classes(weighted({})) == {"positive": 3, "negative": 7}
	measured.rows_of_classes(weighted({"prevalence": {"numerator": 4}})) == {"positive": 4, "negative": 6}
	every changes in [
		{"recall": {"status": "undefined"}}, {"recall": {"value": null}}, {"recall": {"n": 2}},
		{"specificity": {"status": "undefined"}}, {"specificity": {"value": null}}, {"specificity": {"n": 8}},
		{"prevalence": {"status": "error"}}, {"prevalence": {"numerator": "3"}}, {"recall": null},
	] {
		not measured.rows_of_classes(weighted(changes))
	}
}

test_missing if {
	measured.missing([{"name": "a", "drift": {}}], "drift", "not compared", "a comparison") == set()
	every evaluation in [{"name": "b"}, {"name": "b", "drift": null}, {"name": "b", "drift": "none"}] {
		measured.missing([{"name": "a", "drift": {}}, evaluation], "drift", "not compared", "a comparison") == {{
			"subject": "evaluation/b", "message": "not compared", "observed": null, "expected": "a comparison",
		}}
	}
}

test_nowhere if {
	measured.nowhere([{"drift": null}], "drift")
	measured.nowhere([{}, {"drift": []}], "drift")
	not measured.nowhere([{}, {"drift": {}}], "drift")
	not measured.nowhere([], "drift")
}

test_a_value_at_its_bound_is_not_above_it if {
	above(metric({}), 0.25, "estimate") == set()
	above(metric(interval), 0.25, "estimate") == set()
	above(metric({}), 0.25, "upper-end") == set()
	above(metric(interval), 0.375, "upper-end") == set()
}

test_a_value_above_its_bound if {
	above(metric({}), 0.24, "estimate") == {{
		"message": "the share is 0.2500, above 0.24", "observed": 0.25, "expected": 0.24,
	}}
	above(metric({}), 0.24, "upper-end") == {{
		"message": "the share is 0.2500, above 0.24", "observed": 0.25, "expected": 0.24,
	}}
	above(metric(interval), 0.25, "upper-end") == {{
		"message": "the share is 0.3750, above 0.25", "observed": 0.375, "expected": 0.25,
	}}
}

test_what_has_no_value if {
	every measures in [
		{}, {"share": null}, {"share": 0.1},
		metric({"status": "undefined"}), metric({"value": "0.1"}), metric({"value": null}),
		metric({"reason": 7, "value": null}),
	] {
		above(measures, 0.5, "estimate") == without_value("no reason is given")
		above(measures, 0.5, "upper-end") == without_value("no reason is given")
	}
	above(metric({"status": "error", "reason": "no rows"}), 0.5, "estimate") == without_value("no rows")
	above(object.union_n([metric(interval), {"share": {"status": "error", "value": 0.1}}]), 0.5, "upper-end")
		== without_value("no reason is given")
}

test_an_interval_that_is_none if {
	above(metric({"interval": {"high": "0.1"}}), 0.5, "upper-end") == without_value("no reason is given")
	above({"share": {"status": "ok", "value": 0.1}}, 0.5, "upper-end") == without_value("no reason is given")
	above(metric({"interval": {"high": null}}), 0.5, "upper-end") == without_value("no reason is given")
}

test_zero_is_a_value if above(metric({"value": 0}), 0, "estimate") == set()

test_items if {
	measured.items({"list": [1]}, "list") == [1]
	measured.items({"list": null}, "list") == []
	measured.items({"list": {"a": 1}}, "list") == []
	measured.items({}, "list") == []
}

test_stated if {
	measured.stated("a")
	not measured.stated(" ")
	not measured.stated(null)
	not measured.stated(7)
}

model(path) := {"path": path, "role": "model"}

test_uncovered if {
	measured.uncovered([model("a"), {"path": "b", "role": "configuration"}], {"a"}, "a seal") == set()
	measured.uncovered([model("a"), model("b")], {"b"}, "a seal") == {{
		"subject": "artifact/a", "message": "a seal does not cover it", "observed": null, "expected": "a seal",
	}}
	measured.uncovered([{"path": "b", "role": "configuration"}], {"b"}, "a seal") == {{
		"subject": "release", "message": "no artifact has the role of a model that a seal could cover",
		"observed": null, "expected": "a seal",
	}}
}
