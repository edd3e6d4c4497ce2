# METADATA
# title: Days
# description: |-
#   Days as records write them, YYYY-MM-DD, in UTC. What is no day of the years 1900 to 2199 has no start,
#   and no comparison with it holds: ask for what must hold, and negate it.
package modelgate.lib.day

nanoseconds := 86400000000000

written := `^(19|20|21)[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$`

# Nanoseconds since 1970 at which `day` starts.
start(day) := time.parse_rfc3339_ns(sprintf("%sT00:00:00Z", [day])) if {
	is_string(day)
	regex.match(written, day)
}

# The start of the day that is judged.
today := time.now_ns() - (time.now_ns() % nanoseconds)

has_come(day) if start(day) <= today

# Whether it is not over.
lasts(day) if start(day) >= today

in_order(first, last) if start(first) <= start(last)

# Whether it is no more than `days` since `day`, which has come.
within(day, days) if {
	has_come(day)
	today - start(day) <= days * nanoseconds
}

# Number of days from `first` to `last`, both included.
span(first, last) := 1 + ((start(last) - start(first)) / nanoseconds)
