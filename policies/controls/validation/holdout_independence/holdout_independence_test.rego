package modelgate.controls.validation.holdout_independence_test

import data.modelgate.controls.validation.holdout_independence

release(evaluation) := {
	"model": {"owner": " Models@example.com"},
	"evaluations": [object.union({"name": "holdout"}, evaluation)],
}

parameters(required) := {"splits": ["temporal", "external"], "required": required}

good := {"split": "temporal", "custodian": "validation@example.com", "used_for_tuning": false}

found(holdout) := result if {
	result := holdout_independence.violation with input as release({"holdout": holdout})
		with data.parameters as parameters(true)
}

complaint(message, observed, expected) := {{
	"subject": "evaluation/holdout", "message": message, "observed": observed, "expected": expected,
}}

test_independent if {
	found(good) == set()
	found(object.union(good, {"split": "external"})) == set()
}

test_used_for_tuning if {
	every used in [true, null, "false"] {
		found(object.union(good, {"used_for_tuning": used})) == complaint("the rows were used for tuning", used, false)
	}
	found(object.remove(good, {"used_for_tuning"})) == complaint("the rows were used for tuning", null, false)
}

test_another_split if {
	message := "the rows were not chosen in a way that counts"
	every split in ["random", "by-entity", null] {
		found(object.union(good, {"split": split})) == complaint(message, split, ["temporal", "external"])
	}
	found(object.remove(good, {"split"})) == complaint(message, null, ["temporal", "external"])
}

test_no_other_custodian if {
	message := "the owner kept the rows, or nobody did"
	every custodian in ["models@example.com", "MODELS@example.com ", " ", null, 7] {
		found(object.union(good, {"custodian": custodian})) == complaint(message, custodian, "somebody but the owner")
	}
	found(object.remove(good, {"custodian"})) == complaint(message, null, "somebody but the owner")
}

test_everything_at_once if count(found({})) == 3

test_not_declared if {
	every evaluation in [{}, {"holdout": null}, {"holdout": "random"}] {
		findings := holdout_independence.violation with input as release(evaluation)
			with data.parameters as parameters(true)
		findings == complaint("it is not declared how the rows were kept apart from training", null, "`holdout`")
		tolerated := holdout_independence.violation with input as release(evaluation)
			with data.parameters as parameters(false)
		tolerated == set()
		reasons := holdout_independence.not_applicable with input as release(evaluation)
			with data.parameters as parameters(false)
		reasons == {"no evaluation declares how its rows were kept apart from training"}
	}
}

test_it_applies_where_a_holdout_is_required_or_there if {
	holdout_independence.not_applicable == set() with input as release({})
		with data.parameters as parameters(true)
	holdout_independence.not_applicable == set() with input as release({"holdout": good})
		with data.parameters as parameters(false)
}
