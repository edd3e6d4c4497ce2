# METADATA
# title: The run that trained the model finished
# description: |-
#   What a run that failed, was ended or still goes on left behind is no result. Of each model that comes from an MLflow
#   server, and of each directory of a run, MLflow knows the run, it finished, and nobody deleted it. A model directory
#   alone says nothing of its run and is not judged.
# custom:
#   id: REP-005
#   severity: medium
#   remediation: >-
#     Train again, let the run end without an error (`mlflow.end_run`, or the end of its `with` block), and register the
#     model from it.
#   waivable: true
#   frameworks: [eu-ai-act:Art.12, nist-ai-rmf:MEASURE-2.1]
package modelgate.controls.reproducibility.finished_run

import data.modelgate.lib.tracked

not_applicable contains "no model comes from a run of MLflow" if count(tracked.sources) == 0

violation contains finding if some finding in tracked.without_run

violation contains tracked.about(source, problem) if {
	some source in tracked.sources
	source.run.status != "finished"
	problem := {
		"message": sprintf("the run %v is %v", [source.run.run_id, source.run.status]),
		"observed": source.run.status,
		"expected": "finished",
	}
}

violation contains tracked.about(source, problem) if {
	some source in tracked.sources
	source.run.deleted != false
	problem := {
		"message": sprintf("the run %v was deleted", [source.run.run_id]),
		"observed": "deleted",
		"expected": "a run in use",
	}
}
