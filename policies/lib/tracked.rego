# METADATA
# title: Models that come from MLflow
# description: |-
#   What MLflow says of models and runs. A server is expected to know the run of a model; a model directory among the
#   artifacts says nothing of its run, and is not among the sources.
package modelgate.lib.tracked

sources := {source |
	some source in input.mlflow
	is_judged(source)
}

is_judged(source) if source.origin != "files"

is_judged(source) if is_object(source.run)

# A finding for each source whose run is not known.
without_run := {about(source, problem) |
	some source in sources
	not is_object(source.run)
	problem := {"message": "MLflow knows no run that it comes from", "observed": null, "expected": "a run"}
}

# The finding that `problem` is, as one about the source.
about(source, problem) := object.union({"subject": sprintf("mlflow/%s", [source.source])}, problem)
