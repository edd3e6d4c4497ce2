package modelgate.controls.validation.power_test

import data.modelgate.controls.validation.power

judged(evaluation, required) := result if {
	result := power.violation with input as {"evaluations": [object.union({"name": "holdout"}, evaluation)]}
		with data.parameters as {"minimum": 0.75, "required": required}
}

known(value, rows) := {"sufficiency": [{
	"metric": "roc_auc", "margin": 0.02, "power": value, "rows_needed": rows, "reason": null,
}]}

low(message) := {{"subject": "evaluation/holdout", "message": message, "observed": 0.5, "expected": 0.75}}

test_enough_rows if {
	every required in [true, false] {
		judged(known(0.75, 100), required) == set()
	}
}

test_too_few_rows if {
	message := "the power for a difference of 0.02 in roc_auc is 0.50, below 0.75"
	judged(known(0.5, null), false) == low(message)
	judged(known(0.5, 5000), false) == low(concat("", [message, "; 5000 rows have a power of 0.8"]))
}

test_not_known if {
	every reason, said in {"no row is positive": "no row is positive", 7: "no reason is given"} {
		every value in [null, "1"] {
			evaluation := {"sufficiency": [{"metric": "recall", "margin": 0.1, "power": value, "reason": reason}]}
			judged(evaluation, false) == {{
				"subject": "evaluation/holdout", "message": sprintf("the power for recall is not known: %s", [said]),
				"observed": null, "expected": 0.75,
			}}
		}
	}
}

test_no_margin if {
	every evaluation in [{}, {"sufficiency": []}, {"sufficiency": null}] {
		judged(evaluation, true) == {{
			"subject": "evaluation/holdout",
			"message": "no margin is declared, so that it is not known whether there are rows enough",
			"observed": null, "expected": "`margins` with a metric and the smallest difference that matters",
		}}
		judged(evaluation, false) == set()
	}
}

test_it_applies_where_a_margin_is_declared if {
	applies([known(1, 1)], false) == set()
	applies([{}, known(1, 1)], false) == set()
	applies([{}], true) == set()
	applies([], false) == set()
	applies([{}, {"sufficiency": []}], false) == {"no margin is declared that a difference has to have to matter"}
}

applies(evaluations, required) := result if {
	result := power.not_applicable with input as {"evaluations": evaluations}
		with data.parameters as {"minimum": 0.75, "required": required}
}
