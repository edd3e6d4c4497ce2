package modelgate.lib.tracked_test

import data.modelgate.lib.tracked

run := {"source": "mlruns/1", "origin": "files", "run": {"run_id": "1"}}

server := {"source": "models:/m/1", "origin": "server", "run": null}

directory := {"source": "model", "origin": "files", "run": null}

test_sources if {
	expected := {run, server}
	tracked.sources == expected with input as {"mlflow": [run, server, directory]}
	tracked.sources == set() with input as {"mlflow": []}
}

test_without_run if {
	expected := {{
		"subject": "mlflow/models:/m/1", "message": "MLflow knows no run that it comes from", "observed": null,
		"expected": "a run",
	}}
	tracked.without_run == expected with input as {"mlflow": [run, server, directory]}
}
