package modelgate.controls.validation.champion_comparison_test

import data.modelgate.controls.validation.champion_comparison

parameters(required) := {
	"metrics": ["roc_auc", "brier"], "margin": 0.125, "relative_margin": 0.25, "maximum_beyond": 0.25,
	"required": required,
}

release(evaluation) := {
	"change": {"kind": "retraining", "champion_version": "1.0"},
	"evaluations": [object.union({"name": "holdout"}, evaluation)],
}

found(champion) := result if {
	result := champion_comparison.violation with input as release({"champion": object.union({"version": "1.0"}, champion)})
		with data.parameters as parameters(true)
}

difference(metric, higher_is_better, low, high) := {
	"metric": metric, "higher_is_better": higher_is_better,
	"difference": {"status": "ok", "value": 0, "interval": {"low": low, "high": high}},
}

area := difference("roc_auc", true, -0.125, 0.5)

brier := difference("brier", false, -0.5, 0.125)

worse(metric, loss, shown) := {
	"subject": "evaluation/holdout",
	"message": sprintf("%s is worse than that of the version in use by more than 0.125: by up to %s", [metric, shown]),
	"observed": loss, "expected": 0.125,
}

doubtful(metric, loss, shown) := {
	"subject": "evaluation/holdout",
	"message": sprintf(
		"%s may be worse than that of the version in use by %s, more than 0.125; the other end of the interval is within it",
		[metric, shown],
	),
	"observed": loss, "expected": 0.125, "inconclusive": true,
}

not_compared(metric) := {
	"subject": "evaluation/holdout",
	"message": sprintf("%s was not compared with that of the version in use", [metric]),
	"observed": null, "expected": "a paired difference with an interval",
}

test_not_worse_by_more_than_the_margin if {
	found({"differences": [area, brier]}) == set()
	found({"differences": [area, brier, difference("accuracy", true, -0.9, 0)]}) == set()
}

test_worse if {
	found({"differences": [difference("roc_auc", true, -0.25, -0.1875), brier]}) == {worse("roc_auc", 0.25, "0.2500")}
	found({"differences": [area, difference("brier", false, 0.1875, 0.25)]}) == {worse("brier", 0.25, "0.2500")}
}

test_the_rows_cannot_tell_whether_it_is_worse if {
	every high in [-0.125, 0.5] {
		found({"differences": [difference("roc_auc", true, -0.25, high), brier]}) == {doubtful("roc_auc", 0.25, "0.2500")}
	}
	every low in [-0.5, 0.125] {
		found({"differences": [area, difference("brier", false, low, 0.25)]}) == {doubtful("brier", 0.25, "0.2500")}
	}
}

test_half_an_interval_leaves_no_doubt if {
	every high in [null, "0.5"] {
		found({"differences": [difference("roc_auc", true, -0.25, high), brier]}) == {worse("roc_auc", 0.25, "0.2500")}
	}
	every low in [null, "-0.5"] {
		found({"differences": [area, difference("brier", false, low, 0.25)]}) == {worse("brier", 0.25, "0.2500")}
	}
}

test_not_compared if {
	found({"differences": [brier]}) == {not_compared("roc_auc")}
	every differences in [[], null, {"roc_auc": area}] {
		found({"differences": differences}) == {not_compared("roc_auc"), not_compared("brier")}
	}
}

test_without_an_interval_there_is_nothing_to_be_judged_by if {
	every measure in [
		null,
		{"status": "ok", "value": 0, "interval": null},
		{"status": "ok", "value": 0, "interval": {"low": "-0.1", "high": "0.1"}},
		{"status": "error", "value": 0, "interval": {"low": 0, "high": 0}},
	] {
		found({"differences": [object.union(area, {"difference": measure}), brier]}) == {not_compared("roc_auc")}
		found({"differences": [area, object.union(brier, {"difference": measure})]}) == {not_compared("brier")}
	}
}

test_which_way_is_better_must_be_known if {
	every better in [null, "true"] {
		found({"differences": [object.union(area, {"higher_is_better": better}), brier]}) == {not_compared("roc_auc")}
	}
}

counts(rows, without, beyond) := {
	"differences": [area, brier], "rows": rows, "rows_without": without, "rows_beyond": beyond,
}

test_cases_that_were_left_out if {
	found(counts(60, 0, 20)) == set()
	found(counts(50, 10, 20)) == set()
	found(counts(60, 0, null)) == set()
	found(counts(10, 0, 30)) == {left_out(0.75, 30)}
	found(counts(4, 6, 30)) == {left_out(0.75, 30)}
}

left_out(share, rows) := {
	"subject": "evaluation/holdout",
	"message": sprintf("%d cases that the version in use has judged are not among the rows", [rows]),
	"observed": share, "expected": 0.25,
}

test_another_version if {
	every version in ["0.9", null] {
		found({"version": version, "differences": [area, brier]}) == {{
			"subject": "evaluation/holdout", "message": "the version compared with is not the one in use",
			"observed": version, "expected": "1.0",
		}}
	}
	unnamed := {
		"change": {"kind": "retraining"},
		"evaluations": [{"name": "holdout", "champion": {"differences": [area, brier]}}],
	}
	findings := champion_comparison.violation with input as unnamed with data.parameters as parameters(false)
	{[finding.observed, finding.expected] | some finding in findings} == {[null, null]}
}

test_not_scored if {
	every evaluation in [{}, {"champion": null}, {"champion": "1.0"}] {
		findings := champion_comparison.violation with input as release(evaluation)
			with data.parameters as parameters(true)
		findings == {{
			"subject": "evaluation/holdout", "message": "the rows were not scored by the version in use",
			"observed": null, "expected": "a comparison with the version in use",
		}}
		tolerated := champion_comparison.violation with input as release(evaluation)
			with data.parameters as parameters(false)
		tolerated == set()
		reasons := champion_comparison.not_applicable with input as release(evaluation)
			with data.parameters as parameters(false)
		reasons == {"the rows were not scored by the version in use"}
	}
}

test_it_applies_to_what_replaces_a_version if {
	champion_comparison.not_applicable == set() with input as release({})
		with data.parameters as parameters(true)
	champion_comparison.not_applicable == set() with input as release({"champion": {}})
		with data.parameters as parameters(false)
	champion_comparison.not_applicable == {"a first release replaces nothing"}
		with input as {"change": {"kind": "initial"}, "evaluations": [{}]} with data.parameters as parameters(true)
}

# What is found of an evaluation of another task, whose main metric is `value`.
other(task, metric, value, differences) := result if {
	result := champion_comparison.violation with input as release({
		"task": task, "metrics": {metric: {"status": "ok", "value": value}},
		"champion": {"version": "1.0", "differences": differences},
	})
		with data.parameters as parameters(true)
}

test_numbers_have_a_margin_in_parts_of_their_error if {
	every task in ["regression", "forecasting"] {
		least := difference("mean_absolute_error", false, -0.5, 0.375)
		other(task, "mean_absolute_error", 1.5, [least]) == set()
		most := difference("mean_absolute_error", false, 0.40625, 0.4375)
		other(task, "mean_absolute_error", 1.5, [most]) == {{
			"subject": "evaluation/holdout",
			"message": concat("", [
				"mean_absolute_error is worse than that of the version in use by more than 0.25 of its 1.5000: ",
				"by up to 0.4375",
			]),
			"observed": 0.4375, "expected": 0.375,
		}}
		other(task, "mean_absolute_error", 1.5, [area, brier]) == {not_compared("mean_absolute_error")}
	}
}

test_an_error_without_a_value_has_no_margin if {
	small := difference("mean_absolute_error", false, -0.5, 0)
	other("regression", "mean_absolute_error", null, [small]) == {not_compared("mean_absolute_error")}
	other("regression", "mean_error", 1.5, [small]) == {not_compared("mean_absolute_error")}
}

test_shares_have_the_margin_of_shares if {
	every task, metric in {
		"ranking": "ndcg", "multiclass-classification": "accuracy", "multilabel-classification": "micro_f1",
	} {
		other(task, metric, 0.5, [difference(metric, true, -0.125, 0)]) == set()
		other(task, metric, 0.5, [difference(metric, true, -0.25, -0.1875)]) == {worse(metric, 0.25, "0.2500")}
		other(task, metric, 0.5, []) == {not_compared(metric)}
	}
}

test_an_unknown_task_is_judged_as_one_of_two_classes if {
	other("clustering", "accuracy", 0.5, []) == {not_compared("roc_auc"), not_compared("brier")}
}
