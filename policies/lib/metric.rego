# METADATA
# title: Metrics against bounds
# description: |-
#   Comparisons that fail closed. A metric that is not there, has no value, or no interval where the
#   interval is what counts, is a finding; Rego's order of types (null before numbers, numbers
#   before texts) never decides.
package modelgate.lib.metric

# What keeps `metrics[id]` from missing the lower bound `minimum`: a set of findings without a subject.
# `basis` says what is compared: the `estimate`, or the `confidence-bound`, the unfavourable end of the interval.
below(metrics, id, minimum, basis) := unusable(metrics, id, minimum) | unjudged(metrics, id, minimum, basis, "low") | {finding |
	judged := judge(metrics, id, basis, "low")
	judged < minimum
	message := sprintf("%s is %s, below %v", [id, described(metrics[id], basis, judged), minimum])
	finding := missed(metrics[id], basis, message, judged, minimum)
}

# The same for the upper bound `maximum`.
above(metrics, id, maximum, basis) := unusable(metrics, id, maximum) | unjudged(metrics, id, maximum, basis, "high") | {finding |
	judged := judge(metrics, id, basis, "high")
	judged > maximum
	message := sprintf("%s is %s, above %v", [id, described(metrics[id], basis, judged), maximum])
	finding := missed(metrics[id], basis, message, judged, maximum)
}

missed(measure, basis, message, judged, bound) := {"message": message, "observed": judged, "expected": bound} if {
	not in_doubt(measure, basis, bound)
}

missed(measure, basis, message, judged, bound) := {
	"message": sprintf("%s; the other end of the interval meets it, and more cases may show which it is", [message]),
	"observed": judged,
	"expected": bound,
	"inconclusive": true,
} if {
	in_doubt(measure, basis, bound)
}

# Whether an interval neither meets the bound nor misses it: its favourable end may be the true value. An estimate is never
# in doubt.
in_doubt(measure, "confidence-bound", bound) if {
	is_number(measure.interval.low)
	is_number(measure.interval.high)
	measure.interval.low <= bound
	bound <= measure.interval.high
}

# Whether the metric has a value that can be compared.
usable(metric) if {
	metric.status == "ok"
	is_number(metric.value)
}

unusable(metrics, id, bound) := {finding |
	not usable(object.get(metrics, id, {}))
	finding := {
		"message": sprintf("%s has no value: %s", [id, why(object.get(metrics, id, {}))]),
		"observed": null,
		"expected": bound,
	}
}

unjudged(metrics, id, bound, basis, end) := {finding |
	usable(object.get(metrics, id, {}))
	not judge(metrics, id, basis, end)
	finding := {
		"message": sprintf("%s has no %s to be judged by: %s", [id, basis, why(metrics[id])]),
		"observed": metrics[id].value,
		"expected": bound,
	}
}

judge(metrics, id, "estimate", _) := metrics[id].value if usable(metrics[id])

judge(metrics, id, "confidence-bound", end) := metrics[id].interval[end] if {
	usable(metrics[id])
	is_number(metrics[id].interval[end])
}

described(_, "estimate", value) := sprintf("%.4f", [value])

described(metric, "confidence-bound", value) := sprintf("%.4f (%.4f at the unfavourable end of its 95 %% interval)", [metric.value, value])

why(metric) := metric.reason if is_string(metric.reason)

why(metric) := "no reason is given" if not is_string(metric.reason)
