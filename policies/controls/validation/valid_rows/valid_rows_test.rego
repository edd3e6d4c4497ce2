package modelgate.controls.validation.valid_rows_test

import data.modelgate.controls.validation.valid_rows

clean := {
	"total": 10, "valid": 10, "label_missing": 0, "label_unknown": 0, "score_missing": 0,
	"score_not_finite": 0, "score_out_of_range": 0, "id_missing": 0, "id_duplicates": 0,
}

found(changes) := result if {
	result := valid_rows.violation with input as {"evaluations": [{"name": "holdout", "rows": object.union(clean, changes)}]}
}

test_clean_rows if {
	found({}) == set()
	found({"id_missing": null, "id_duplicates": null, "weight_invalid": null, "cluster_missing": null}) == set()
}

test_each_kind_of_broken_row if {
	every name, complaint in {
		"label_missing": "2 of 10 rows have no label",
		"label_unknown": "2 of 10 rows have a label that is none of the classes, or no number where it is to be one",
		"score_missing": "2 of 10 rows have no score or prediction",
		"score_not_finite": "2 of 10 rows have a score or prediction that is NaN or infinite",
		"score_out_of_range": "2 of 10 rows have a score outside its range",
		"weight_invalid": "2 of 10 rows have a weight that is missing, negative or not finite",
		"cluster_missing": "2 of 10 rows have no cluster, series or query",
		"id_missing": "2 of 10 rows have no id",
		"id_duplicates": "2 of 10 rows repeat an id",
	} {
		found({name: 2}) == {{"subject": "evaluation/holdout", "message": complaint, "observed": 2, "expected": 0}}
	}
}

test_rows_that_are_not_valid if found({"valid": 8}) == {{
	"subject": "evaluation/holdout", "message": "8 of 10 rows can be evaluated", "observed": 8, "expected": 10,
}}

test_one_broken_row_is_enough if count(found({"label_missing": 1})) == 1
