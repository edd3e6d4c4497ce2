package modelgate.lib.metric_test

import data.modelgate.lib.metric

ok := {"status": "ok", "value": 0.7, "interval": {"low": 0.65, "high": 0.75}, "reason": null}

test_a_value_that_meets_its_bound if {
	metric.below({"roc_auc": ok}, "roc_auc", 0.7, "estimate") == set()
	metric.above({"brier": ok}, "brier", 0.7, "estimate") == set()
	metric.below({"roc_auc": ok}, "roc_auc", 0.65, "confidence-bound") == set()
	metric.above({"brier": ok}, "brier", 0.75, "confidence-bound") == set()
}

test_a_value_that_misses_its_bound if {
	metric.below({"roc_auc": ok}, "roc_auc", 0.71, "estimate") == {{
		"message": "roc_auc is 0.7000, below 0.71", "observed": 0.7, "expected": 0.71,
	}}
	metric.above({"brier": ok}, "brier", 0.69, "estimate") == {{
		"message": "brier is 0.7000, above 0.69", "observed": 0.7, "expected": 0.69,
	}}
	metric.below({"roc_auc": ok}, "roc_auc", 0.76, "confidence-bound") == {{
		"message": "roc_auc is 0.7000 (0.6500 at the unfavourable end of its 95 % interval), below 0.76",
		"observed": 0.65, "expected": 0.76,
	}}
	metric.above({"brier": ok}, "brier", 0.64, "confidence-bound") == {{
		"message": "brier is 0.7000 (0.7500 at the unfavourable end of its 95 % interval), above 0.64",
		"observed": 0.75, "expected": 0.64,
	}}
}

test_an_interval_that_holds_its_bound_cannot_tell if {
	doubt := "the other end of the interval meets it, and more cases may show which it is"
	every bound in [0.7, 0.75] {
		metric.below({"roc_auc": ok}, "roc_auc", bound, "confidence-bound") == {{
			"message": sprintf(
				"roc_auc is 0.7000 (0.6500 at the unfavourable end of its 95 %% interval), below %v; %s",
				[bound, doubt],
			),
			"observed": 0.65, "expected": bound, "inconclusive": true,
		}}
	}
	every bound in [0.65, 0.7] {
		metric.above({"brier": ok}, "brier", bound, "confidence-bound") == {{
			"message": sprintf(
				"brier is 0.7000 (0.7500 at the unfavourable end of its 95 %% interval), above %v; %s",
				[bound, doubt],
			),
			"observed": 0.75, "expected": bound, "inconclusive": true,
		}}
	}
}

test_half_an_interval_leaves_no_doubt if {
	every interval in [{"low": 0.6}, {"low": 0.6, "high": "0.9"}] {
		half := {"status": "ok", "value": 0.65, "interval": interval}
		some finding in metric.below({"m": half}, "m", 0.7, "confidence-bound")
		not finding.inconclusive
	}
	every interval in [{"high": 0.8}, {"low": null, "high": 0.8}, {"low": "0.1", "high": 0.8}] {
		half := {"status": "ok", "value": 0.65, "interval": interval}
		some finding in metric.above({"m": half}, "m", 0.7, "confidence-bound")
		not finding.inconclusive
	}
}

test_what_has_no_value_meets_no_bound if {
	every unusable in [
		{"status": "undefined", "value": null, "interval": null, "reason": "no row is positive"},
		{"status": "error", "value": 0.9, "interval": null, "reason": "no row is positive"},
		{"status": "ok", "value": "0.9", "interval": null, "reason": "no row is positive"},
		{"status": "ok", "value": null, "interval": null, "reason": "no row is positive"},
	] {
		expected := {{"message": "m has no value: no row is positive", "observed": null, "expected": 0.5}}
		metric.below({"m": unusable}, "m", 0.5, "estimate") == expected
		metric.above({"m": unusable}, "m", 0.5, "confidence-bound") == expected
	}
}

test_what_is_not_there_meets_no_bound if {
	every metrics in [{}, {"m": null}, {"m": 0.9}, {"m": {"reason": null}}, {"m": {"reason": 7}}] {
		metric.below(metrics, "m", 0.5, "estimate") == {{
			"message": "m has no value: no reason is given", "observed": null, "expected": 0.5,
		}}
	}
}

test_without_an_interval_there_is_nothing_to_be_judged_by if {
	bare := {"status": "ok", "value": 0.9, "interval": null, "reason": "one row has no variance"}
	metric.below({"m": bare}, "m", 0.5, "confidence-bound") == {{
		"message": "m has no confidence-bound to be judged by: one row has no variance",
		"observed": 0.9, "expected": 0.5,
	}}
	metric.above({"m": ok}, "m", 0.9, "guess") == {{
		"message": "m has no guess to be judged by: no reason is given",
		"observed": 0.7, "expected": 0.9,
	}}
}

test_a_half_interval_is_none if {
	low := object.union(ok, {"interval": {"low": 0.65, "high": null}})
	metric.below({"m": low}, "m", 0.65, "confidence-bound") == set()
	metric.above({"m": low}, "m", 0.9, "confidence-bound") == {{
		"message": "m has no confidence-bound to be judged by: no reason is given", "observed": 0.7, "expected": 0.9,
	}}
	high := object.union(ok, {"interval": {"low": "0.65", "high": 0.75}})
	metric.above({"m": high}, "m", 0.75, "confidence-bound") == set()
	metric.below({"m": high}, "m", 0.1, "confidence-bound") == {{
		"message": "m has no confidence-bound to be judged by: no reason is given", "observed": 0.7, "expected": 0.1,
	}}
	metric.above({"m": {"status": "ok", "value": 0.7, "interval": {"low": 0.6}}}, "m", 0.9, "confidence-bound") != set()
	metric.below({"m": {"status": "ok", "value": 0.7, "interval": {"high": 0.8}}}, "m", 0.1, "confidence-bound") != set()
}

test_the_interval_of_what_has_no_value_does_not_count if {
	broken := object.union(ok, {"status": "error"})
	not metric.judge({"m": broken}, "m", "confidence-bound", "low")
	not metric.judge({"m": broken}, "m", "estimate", "low")
}
