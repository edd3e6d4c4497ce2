package modelgate.controls.validation.skill_test

import data.modelgate.controls.validation.skill

judged(metrics, basis) := result if {
	result := skill.violation with input as {"evaluations": [{"name": "holdout", "metrics": metrics}]}
		with data.parameters as {"minimum_skill": 0.25, "basis": basis}
}

# Of one half the reference is 0.25.
half := {"status": "ok", "value": 0.5}

quarter := {"status": "ok", "value": 0.25}

brier(value, high) := {"status": "ok", "value": value, "interval": {"low": 0, "high": high}}

complaint(message, observed) := {{
	"subject": "evaluation/holdout", "message": message, "observed": observed, "expected": 0.25,
}}

test_skilled if {
	judged({"prevalence": half, "brier": brier(0.1875, 0.9)}, "estimate") == set()
	judged({"prevalence": half, "brier": brier(0.0625, 0.1875)}, "confidence-bound") == set()
	judged({"prevalence": quarter, "brier": brier(0.140625, 0.9)}, "estimate") == set()
	judged({"prevalence": half, "brier": brier(0, 0)}, "estimate") == set()
}

test_not_skilled if {
	message := "the Brier skill score is 0.1250 (estimate), below 0.25"
	judged({"prevalence": half, "brier": brier(0.21875, 0.21875)}, "estimate") == complaint(message, 0.125)
	worse := "the Brier skill score is -0.7500 (confidence-bound), below 0.25"
	judged({"prevalence": half, "brier": brier(0.0625, 0.4375)}, "confidence-bound") == complaint(worse, -0.75)
}

test_nothing_to_be_better_than if {
	message := "the prevalence is not known, 0 or 1: there is nothing to be better than"
	every prevalence in [
		null, {"status": "ok", "value": 0}, {"status": "ok", "value": 1}, {"status": "ok", "value": 2},
		{"status": "ok", "value": null}, {"status": "ok", "value": "0.5"}, {"status": "error", "value": 0.5},
	] {
		judged({"prevalence": prevalence, "brier": brier(0.1, 0.1)}, "estimate") == complaint(message, null)
	}
	judged({"brier": brier(0.1, 0.1)}, "estimate") == complaint(message, null)
}

test_no_brier_score if {
	every score in [null, {"status": "ok", "value": null}, {"status": "undefined", "value": 0.1}] {
		message := "brier has no estimate to be judged by"
		judged({"prevalence": half, "brier": score}, "estimate") == complaint(message, null)
	}
	judged({"prevalence": half}, "estimate") == complaint("brier has no estimate to be judged by", null)
	bare := {"status": "ok", "value": 0.1, "interval": null}
	message := "brier has no confidence-bound to be judged by"
	judged({"prevalence": half, "brier": bare}, "confidence-bound") == complaint(message, null)
}

test_it_applies_to_two_classes if {
	skill.not_applicable == set()
		with input as {"evaluations": [{"task": "regression"}, {"task": "binary-classification"}]}
	reasons := skill.not_applicable with input as {"evaluations": [{"task": "regression"}]}
	reasons == {"no evaluation is of two classes (VAL-012, VAL-013, VAL-015 and VAL-016 judge other tasks)"}
}

test_other_tasks_are_not_judged if {
	evaluations := [{"name": "holdout", "task": "regression", "metrics": metrics} |
		some metrics in [{}, {"prevalence": half}, {"prevalence": half, "brier": brier(0.5, 0.5)}]
	]
	findings := skill.violation with input as {"evaluations": evaluations}
		with data.parameters as {"minimum_skill": 0.25, "basis": "estimate"}
	findings == set()
}
