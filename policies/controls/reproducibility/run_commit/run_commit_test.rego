package modelgate.controls.reproducibility.run_commit_test

import data.modelgate.controls.reproducibility.run_commit

id := "0123456789abcdef0123456789abcdef01234567"

source(run, model) := {"source": "models:/credit/3", "origin": "server", "run": object.union({
	"run_id": "371a", "commit": id,
}, run), "model": model}

found(source, repository, same_repository) := result if {
	result := run_commit.violation with input as {"mlflow": [source], "repository": repository}
		with data.parameters as {"same_repository": same_repository}
}

at(problem) := {object.union({"subject": "mlflow/models:/credit/3"}, problem)}

test_named if {
	found(source({}, null), {"commit": "other"}, false) == set()
	found(source({}, {"run_id": "371a"}), {"commit": id}, true) == set()
	longer := sprintf("%s%s", [id, substring(id, 0, 24)])
	found(source({"commit": longer}, null), null, false) == set()
}

test_no_commit if {
	every other in [null, "main", upper(id), sprintf("%s0", [id]), substring(id, 1, -1)] {
		found(source({"commit": other}, null), {}, false) == at({
			"message": "the run 371a does not name the commit of its code", "observed": other,
			"expected": "a full commit id",
		})
	}
}

test_another_commit_is_released if {
	found(source({}, null), {"commit": "other"}, true) == at({
		"message": sprintf("the run was of the commit %s, and other is released", [id]), "observed": id,
		"expected": "other",
	})
	count(found(source({}, null), {}, true)) == 1
	count(found(source({"commit": null}, null), {"commit": id}, true)) == 2
}

test_a_file_of_another_run if {
	every other in ["other", null] {
		found(source({}, {"run_id": other}), {}, false) == at({
			"message": sprintf("its `MLmodel` names the run %v", [other]), "observed": other, "expected": "371a",
		})
	}
}

test_no_run if found(object.union(source({}, null), {"run": null}), {}, true) == at({
	"message": "MLflow knows no run that it comes from", "observed": null, "expected": "a run",
})

test_it_applies_to_what_comes_from_mlflow if {
	run_commit.not_applicable == {"no model comes from a run of MLflow"} with input as {"mlflow": []}
	run_commit.not_applicable == set() with input as {"mlflow": [source({}, null)]}
}
