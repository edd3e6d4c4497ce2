package modelgate.controls.reproducibility.finished_run_test

import data.modelgate.controls.reproducibility.finished_run

run := {"run_id": "371a", "status": "finished", "deleted": false}

server(changes) := {"source": "models:/credit@champion", "origin": "server", "run": object.union(run, changes)}

found(sources) := result if {
	result := finished_run.violation with input as {"mlflow": sources}
}

at(problem) := {object.union({"subject": "mlflow/models:/credit@champion"}, problem)}

test_finished if {
	found([server({})]) == set()
	found([{"source": "mlruns/1", "origin": "files", "run": run}]) == set()
}

test_not_finished if {
	every status in ["running", "scheduled", "failed", "killed", "unknown"] {
		found([server({"status": status})]) == at({
			"message": sprintf("the run 371a is %s", [status]), "observed": status, "expected": "finished",
		})
	}
	count(found([server({}), {"source": "mlruns/1", "origin": "files", "run": {
		"run_id": "1", "status": "failed", "deleted": false,
	}}])) == 1
}

test_deleted if found([server({"deleted": true})]) == at({
	"message": "the run 371a was deleted", "observed": "deleted", "expected": "a run in use",
})

test_no_run if found([object.union(server({}), {"run": null})]) == at({
	"message": "MLflow knows no run that it comes from", "observed": null, "expected": "a run",
})

test_it_applies_to_what_comes_from_mlflow if {
	finished_run.not_applicable == {"no model comes from a run of MLflow"} with input as {"mlflow": []}
	finished_run.not_applicable == {"no model comes from a run of MLflow"} with input as {"mlflow": [{
		"source": "model", "origin": "files", "run": null,
	}]}
	finished_run.not_applicable == set() with input as {"mlflow": [server({})]}
	finished_run.not_applicable == set() with input as {"mlflow": [{"source": "m", "origin": "server", "run": null}]}
}
