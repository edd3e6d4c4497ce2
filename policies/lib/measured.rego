# METADATA
# title: Facts that may not have been measured
# description: |-
#   What is not there is never taken to be good: each helper gives findings for what is missing, null or
#   of another type, or holds only where it is certain.
package modelgate.lib.measured

import data.modelgate.lib.metric

# What is counted, and compared between groups, where there are not two classes: the main metric of each task. Rows,
# queries or whatever else it rests on are its `n`.
main_metrics := {
	"regression": "mean_absolute_error",
	"forecasting": "mean_absolute_error",
	"ranking": "ndcg",
	"multiclass-classification": "accuracy",
	"multilabel-classification": "micro_f1",
}

# Whether the evaluation is to be judged as one of two classes: unless its task is one of those above. What has no
# task, or one that nobody knows, is judged and not skipped.
of_two_classes(evaluation) if not evaluation.task in object.keys(main_metrics)

# Whether there are evaluations, and none of them is to be judged as one of two classes.
none_of_two_classes(evaluations) if {
	count(evaluations) > 0
	every evaluation in evaluations {
		not of_two_classes(evaluation)
	}
}

# Whether the evaluation is of one of the tasks.
of_task(evaluation, tasks) if evaluation.task in tasks

# Whether there are evaluations, and none of them is of one of the tasks.
none_of_task(evaluations, tasks) if {
	count(evaluations) > 0
	every evaluation in evaluations {
		not of_task(evaluation, tasks)
	}
}

# Rows of each of two classes; undefined where they were not counted. With weights a prevalence has no numerator, while
# recall and specificity still say how many rows they rest on.
rows_of_classes(metrics) := {"positive": positives, "negative": rows - positives} if {
	metric.usable(metrics.prevalence)
	positives := metrics.prevalence.numerator
	rows := metrics.prevalence.n
	is_number(positives)
	is_number(rows)
}

rows_of_classes(metrics) := {"positive": metrics.recall.n, "negative": metrics.specificity.n} if {
	metric.usable(metrics.prevalence)
	metrics.prevalence.numerator == null
	metric.usable(metrics.recall)
	metric.usable(metrics.specificity)
	metrics.recall.n + metrics.specificity.n == metrics.prevalence.n
}

# A finding for each evaluation without the part `part`; `message` says what was not done.
missing(evaluations, part, message, expected) := {finding |
	some evaluation in evaluations
	not is_object(evaluation[part])
	finding := {
		"subject": sprintf("evaluation/%s", [evaluation.name]),
		"message": message,
		"observed": null,
		"expected": expected,
	}
}

# Whether there are evaluations, and none of them has the part.
nowhere(evaluations, part) if {
	count(evaluations) > 0
	every evaluation in evaluations {
		not is_object(evaluation[part])
	}
}

# What keeps `metrics[id]` from being at most `maximum`: a set of findings without a subject. `name` says what
# it is. The basis `upper-end` takes the upper end of the interval where there is one.
above(metrics, id, maximum, basis, name) := without_value(metrics, id, maximum, basis, name) | {finding |
	judged := judge(metrics[id], basis)
	judged > maximum
	finding := {
		"message": sprintf("%s is %.4f, above %v", [name, judged, maximum]),
		"observed": judged,
		"expected": maximum,
	}
}

# A finding without a subject if `metrics[id]` has nothing to be judged by.
without_value(metrics, id, bound, basis, name) := {finding |
	not judge(metrics[id], basis)
	finding := {
		"message": sprintf("%s has no value: %s", [name, reason(metrics, id)]),
		"observed": null,
		"expected": bound,
	}
}

# The number that a metric is judged by; undefined where there is none.
judge(measure, "estimate") := measure.value if metric.usable(measure)

judge(measure, "upper-end") := measure.interval.high if {
	metric.usable(measure)
	is_number(measure.interval.high)
}

judge(measure, "upper-end") := measure.value if {
	metric.usable(measure)
	measure.interval == null
}

reason(metrics, id) := metrics[id].reason if {
	is_string(metrics[id].reason)
} else := "no reason is given"

# The list `key` of an object; empty where it is none.
items(whole, key) := whole[key] if {
	is_array(whole[key])
} else := []

# Whether it is a text with something in it.
stated(text) if {
	is_string(text)
	trim_space(text) != ""
}

# A finding for each model artifact whose path is not among `paths`, and one if there is no model at all.
uncovered(artifacts, paths, proof) := unproved | {finding |
	count(models) == 0
	finding := {
		"subject": "release",
		"message": sprintf("no artifact has the role of a model that %s could cover", [proof]),
		"observed": null,
		"expected": proof,
	}
} if {
	models := {artifact.path | some artifact in artifacts; artifact.role == "model"}
	unproved := {finding |
		some path in models - paths
		finding := {
			"subject": sprintf("artifact/%s", [path]),
			"message": sprintf("%s does not cover it", [proof]),
			"observed": null,
			"expected": proof,
		}
	}
}
