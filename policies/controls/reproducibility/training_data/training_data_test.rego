package modelgate.controls.reproducibility.training_data_test

import data.modelgate.controls.reproducibility.training_data

pinned := {"name": "train.parquet", "sha256": "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"}

found(files) := result if {
	result := training_data.violation with input as {"records": {"reproducibility": {
		"file": {"path": "r.yaml"}, "content": {"data": files},
	}}}
}

at(problem) := {object.union({"subject": "record/reproducibility", "source": {"file": "r.yaml", "line": 1}}, problem)}

test_pinned if found([pinned]) == set()

test_no_data if found([]) == at({
	"message": "no training data is listed", "observed": 0, "expected": "at least one file",
})

test_not_pinned if {
	every file in [
		{"name": "train.parquet"}, {"name": "train.parquet", "sha256": "abc"}, {"name": "train.parquet", "sha256": null},
		{}, null,
	] {
		found([pinned, file]) == at({
			"message": "file 2 of the training data is not named by its SHA-256", "observed": file,
			"expected": "a name and a digest",
		})
	}
}

test_no_record if {
	training_data.violation == {{
		"subject": "record/reproducibility", "message": "the release has no such record", "observed": null,
		"expected": "a record of the kind `reproducibility`",
	}} with input as {"records": {"reproducibility": null}}
	found(null) == at({"message": "the record lists no `data`", "observed": null, "expected": "a list"})
}
