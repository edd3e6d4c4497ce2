package modelgate.controls.leakage.single_columns_test

import data.modelgate.controls.leakage.single_columns

parameters(required) := {"maximum_roc_auc": 0.875, "required": required}

release(evaluation) := {"evaluations": [object.union({"name": "holdout"}, evaluation)]}

found(columns) := result if {
	result := single_columns.violation with input as release({"leakage": {"single_columns": columns}})
		with data.parameters as parameters(true)
}

area(value) := {"status": "ok", "value": value, "interval": {"low": 0, "high": 1}, "reason": null}

column(metric) := {"column": "status", "metric": metric}

not_judged(observed) := {{
	"subject": "evaluation/holdout", "message": "no column was judged by itself",
	"observed": observed, "expected": "each column's ROC AUC",
}}

test_no_column_gives_it_away if found([column(area(0.875)), column(area(0.125)), column(area(0.5))]) == set()

test_a_column_gives_it_away if {
	every value in [0.9375, 0.0625] {
		found([column(area(0.5)), column(area(value))]) == {{
			"subject": "evaluation/holdout/status",
			"message": "the column alone tells the classes apart with a ROC AUC of 0.9375",
			"observed": 0.9375, "expected": 0.875,
		}}
	}
}

test_without_a_value if {
	every metric in [null, {"status": "undefined", "value": null}, {"status": "ok", "value": "0.5"}] {
		found([column(metric)]) == {{
			"subject": "evaluation/holdout/status",
			"message": "the ROC AUC of the column alone has no value: no reason is given",
			"observed": null, "expected": 0.875,
		}}
	}
}

test_no_columns if {
	found([]) == not_judged(0)
	found(null) == not_judged(0)
}

test_not_judged if {
	every evaluation in [{}, {"leakage": null}, {"leakage": "train"}] {
		findings := single_columns.violation with input as release(evaluation)
			with data.parameters as parameters(true)
		findings == not_judged(null)
		tolerated := single_columns.violation with input as release(evaluation)
			with data.parameters as parameters(false)
		tolerated == set()
		reasons := single_columns.not_applicable with input as release(evaluation)
			with data.parameters as parameters(false)
		reasons == {"no column was judged by itself"}
	}
}

test_it_applies_where_columns_must_be_or_were_judged if {
	single_columns.not_applicable == set() with input as release({}) with data.parameters as parameters(true)
	single_columns.not_applicable == set() with input as release({"leakage": {}})
		with data.parameters as parameters(false)
}

test_other_tasks_are_not_judged if {
	every task in ["regression", "forecasting", "ranking", "multiclass-classification", "multilabel-classification"] {
		every leakage in [null, {"single_columns": []}, {"single_columns": [column(area(1))]}] {
			single_columns.violation == set() with input as release({"task": task, "leakage": leakage})
				with data.parameters as parameters(true)
			reasons := single_columns.not_applicable with input as release({"task": task, "leakage": leakage})
				with data.parameters as parameters(true)
			reasons == {"no evaluation is of two classes, for which a column alone is judged"}
		}
	}
	findings := single_columns.violation with input as release({"task": "other", "leakage": {"single_columns": []}})
		with data.parameters as parameters(true)
	findings == not_judged(0)
}

test_whether_a_column_is_filled_in_may_say_it if {
	column := {"column": "closed_on", "metric": {
		"definition": "single_column_missing_roc_auc/1", "status": "ok", "value": 0.125, "reason": null,
	}}
	findings := single_columns.violation
		with input as {"evaluations": [{"name": "holdout", "leakage": {"single_columns": [column]}}]}
		with data.parameters as {"maximum_roc_auc": 0.75, "required": true}
	findings == {{
		"subject": "evaluation/holdout/closed_on",
		"message": "whether it has a value alone tells the classes apart with a ROC AUC of 0.8750",
		"observed": 0.875, "expected": 0.75,
	}}
}
