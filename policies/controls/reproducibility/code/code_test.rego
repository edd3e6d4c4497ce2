package modelgate.controls.reproducibility.code_test

import data.modelgate.controls.reproducibility.code

id := "0123456789abcdef0123456789abcdef01234567"

found(changes, repository, same_repository) := result if {
	content := object.union({"code": "https://example.com/credit", "commit": id}, changes)
	result := code.violation with input as {
		"repository": repository,
		"records": {"reproducibility": {"file": {"path": "r.yaml"}, "content": content}},
	}
		with data.parameters as {"same_repository": same_repository}
}

at(problem) := {object.union({"subject": "record/reproducibility", "source": {"file": "r.yaml", "line": 1}}, problem)}

test_named if {
	found({}, {"commit": "other", "dirty": true}, false) == set()
	found({}, {"commit": id, "dirty": false}, true) == set()
	longer := sprintf("%s%s", [id, substring(id, 0, 24)])
	found({"commit": longer}, null, false) == set()
}

test_no_repository if {
	every other in [null, " ", 7] {
		found({"code": other}, {}, false) == at({
			"message": "the repository of the training code is not named", "observed": other, "expected": "a repository",
		})
	}
}

test_no_commit if {
	every other in [null, 7, "main", upper(id), sprintf("%s0", [id]), substring(id, 1, -1), sprintf(" %s", [id])] {
		found({"commit": other}, {}, false) == at({
			"message": "the commit of the training code is not named", "observed": other, "expected": "a full commit id",
		})
	}
}

test_another_commit_is_released if {
	found({}, {"commit": "other", "dirty": false}, true) == at({
		"message": sprintf("the model was trained at the commit %s, and other is released", [id]),
		"observed": id, "expected": "other",
	})
	found({}, {"commit": null, "dirty": false}, true) == at({
		"message": sprintf("the model was trained at the commit %s, and null is released", [id]),
		"observed": id, "expected": null,
	})
	count(found({}, {"dirty": false}, true)) == 1
	count(found({}, null, true)) == 2
}

test_files_differ if {
	every dirty in [true, null, "no"] {
		found({}, {"commit": id, "dirty": dirty}, true) == at({
			"message": "it is not known that the files of the release are those of the commit",
			"observed": dirty, "expected": false,
		})
	}
	count(found({}, {"commit": id}, true)) == 1
}

test_no_record if {
	code.violation == {{
		"subject": "record/reproducibility", "message": "the release has no such record", "observed": null,
		"expected": "a record of the kind `reproducibility`",
	}} with input as {} with data.parameters as {"same_repository": true}
}
