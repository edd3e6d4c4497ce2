package modelgate.controls.drift.categories_test

import data.modelgate.controls.drift.categories

parameters(required) := {"maximum_share": 0.125, "required": required}

release(evaluation) := {"evaluations": [object.union({"name": "holdout"}, evaluation)]}

found(columns) := result if {
	result := categories.violation with input as release({"drift": {"columns": columns}})
		with data.parameters as parameters(true)
}

share(value) := {"status": "ok", "value": value, "interval": {"low": -1, "high": 1}, "reason": null}

column(changes) := object.union({
	"column": "job", "new_categories": share(0), "missing_share_difference": share(0),
}, changes)

complaint(message, observed) := {{
	"subject": "evaluation/holdout/job", "message": message, "observed": observed, "expected": 0.125,
}}

test_alike if {
	found([column({"new_categories": share(0.125)})]) == set()
	found([column({"missing_share_difference": share(0.125)})]) == set()
	found([column({"missing_share_difference": share(-0.125)})]) == set()
}

test_new_categories if found([column({"new_categories": share(0.25)})]) == complaint(
	"the share of rows with a new category is 0.2500, above 0.125", 0.25,
)

test_missing_values if {
	found([column({"missing_share_difference": share(0.25)})]) == complaint(
		"the share of missing values differs from that of the reference by 0.2500", 0.25,
	)
	found([column({"missing_share_difference": share(-0.25)})]) == complaint(
		"the share of missing values differs from that of the reference by -0.2500", -0.25,
	)
}

unknown := {"status": "undefined", "value": null}

test_a_column_without_categories if {
	found([column({"new_categories": unknown, "kolmogorov_smirnov": share(0.5)})]) == set()
}

test_a_column_of_which_nobody_knows_whether_it_has_new_categories if {
	every distance in [null, unknown, {"status": "error", "value": 0.5}, {"status": "ok", "value": "0.5"}] {
		found([column({"new_categories": unknown, "kolmogorov_smirnov": distance})]) == complaint(
			"the share of rows with a new category has no value: no reason is given", null,
		)
	}
	found([column({"new_categories": unknown})]) == complaint(
		"the share of rows with a new category has no value: no reason is given", null,
	)
}

test_numbers_with_a_share_of_new_categories_are_judged_by_it if {
	found([column({"new_categories": share(0.25), "kolmogorov_smirnov": share(0)})]) == complaint(
		"the share of rows with a new category is 0.2500, above 0.125", 0.25,
	)
}

test_without_a_value if {
	every status in ["error", "insufficient", "ok"] {
		found([column({"new_categories": {"status": status, "value": null}})]) == complaint(
			"the share of rows with a new category has no value: no reason is given", null,
		)
		found([column({"missing_share_difference": {"status": status, "value": null}})]) == complaint(
			"the difference of the shares of missing values has no value: no reason is given", null,
		)
	}
	count(found([{"column": "job"}])) == 2
	count(found([column({"new_categories": null, "missing_share_difference": null})])) == 2
}

test_no_columns if {
	every columns in [[], null] {
		found(columns) == {{
			"subject": "evaluation/holdout", "message": "no column is also in the reference",
			"observed": 0, "expected": "at least one column",
		}}
	}
}

test_not_compared if {
	reason := "categories and missing values were not compared with those of the training data"
	every evaluation in [{}, {"drift": null}, {"drift": "train"}] {
		findings := categories.violation with input as release(evaluation) with data.parameters as parameters(true)
		findings == {{
			"subject": "evaluation/holdout", "message": reason, "observed": null, "expected": "a comparison",
		}}
		tolerated := categories.violation with input as release(evaluation)
			with data.parameters as parameters(false)
		tolerated == set()
		reasons := categories.not_applicable with input as release(evaluation)
			with data.parameters as parameters(false)
		reasons == {reason}
	}
}

test_it_applies_where_a_comparison_is_required_or_there if {
	categories.not_applicable == set() with input as release({}) with data.parameters as parameters(true)
	categories.not_applicable == set() with input as release({"drift": {}})
		with data.parameters as parameters(false)
}
