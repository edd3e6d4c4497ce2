# METADATA
# title: The run names the commit that trained the model
# description: |-
#   Of each model that comes from an MLflow server, and of each directory of a run, the run has the tag
#   `mlflow.source.git.commit` with a full commit id, and the `MLmodel` file names that same run: a file of another run was
#   put in its place otherwise. With `same_repository`, where the training code is in the repository of the release, the
#   commit is also the one that is released. MLflow sets the tag itself where training is started from a checkout.
# custom:
#   id: REP-006
#   severity: medium
#   remediation: >-
#     Train from a checkout with Git and GitPython installed, so that MLflow sets `mlflow.source.git.commit`, or set the tag
#     in the job that trains; register the model from that run.
#   waivable: true
#   parameters:
#     same_repository: {type: boolean, description: Whether the training code is in the repository of the release}
#   frameworks: [eu-ai-act:Art.12, nist-ai-rmf:MEASURE-2.1]
package modelgate.controls.reproducibility.run_commit

import data.modelgate.lib.tracked

not_applicable contains "no model comes from a run of MLflow" if count(tracked.sources) == 0

violation contains finding if some finding in tracked.without_run

violation contains tracked.about(source, problem) if {
	some source in tracked.sources
	not is_full_id(source.run.commit)
	problem := {
		"message": sprintf("the run %v does not name the commit of its code", [source.run.run_id]),
		"observed": source.run.commit,
		"expected": "a full commit id",
	}
}

violation contains tracked.about(source, problem) if {
	data.parameters.same_repository == true
	some source in tracked.sources
	released := object.get(input, ["repository", "commit"], null)
	source.run.commit != released
	problem := {
		"message": sprintf("the run was of the commit %v, and %v is released", [source.run.commit, released]),
		"observed": source.run.commit,
		"expected": released,
	}
}

violation contains tracked.about(source, problem) if {
	some source in tracked.sources
	source.model.run_id != source.run.run_id
	problem := {
		"message": sprintf("its `MLmodel` names the run %v", [source.model.run_id]),
		"observed": source.model.run_id,
		"expected": source.run.run_id,
	}
}

is_full_id(commit) if {
	is_string(commit)
	regex.match(`^([0-9a-f]{40}|[0-9a-f]{64})$`, commit)
}
