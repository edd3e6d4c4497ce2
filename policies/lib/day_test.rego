package modelgate.lib.day_test

import data.modelgate.lib.day

# 2026-03-01, and the last instant of it.
noon := 1772323200000000000

last := 1772409599999999999

test_start if {
	day.start("1970-01-01") == 0
	day.start("2026-03-01") == noon
	day.start("1900-10-01") < 0
	day.start("2199-12-31") > noon
}

test_what_is_no_day if {
	every other in [
		null, 20260301, "", "2026-03", "2026-3-1", "1.3.2026", "2026-03-01T00:00:00Z", "2026-00-01", "2026-13-01",
		"2026-03-00", "2026-03-32", "1899-12-31", "2200-01-01", " 2026-03-01",
	] {
		not day.start(other)
		not day.has_come(other)
		not day.lasts(other)
		not day.within(other, 10)
		not day.in_order(other, "2026-03-01")
		not day.in_order("2026-03-01", other)
		not day.span(other, "2026-03-01")
	}
}

test_today_is_the_whole_day if {
	every now in [noon, last] {
		day.today == noon with time.now_ns as now
		day.has_come("2026-02-28") with time.now_ns as now
		day.has_come("2026-03-01") with time.now_ns as now
		not day.has_come("2026-03-02") with time.now_ns as now
		not day.lasts("2026-02-28") with time.now_ns as now
		day.lasts("2026-03-01") with time.now_ns as now
		day.lasts("2026-03-02") with time.now_ns as now
	}
}

test_within if {
	day.within("2026-03-01", 0) with time.now_ns as noon
	day.within("2026-02-26", 3) with time.now_ns as last
	not day.within("2026-02-25", 3) with time.now_ns as noon
	not day.within("2026-03-02", 3) with time.now_ns as noon
}

test_in_order if {
	day.in_order("2026-02-28", "2026-03-01")
	day.in_order("2026-03-01", "2026-03-01")
	not day.in_order("2026-03-01", "2026-02-28")
}

test_span_includes_both_days if {
	day.span("2026-03-01", "2026-03-01") == 1
	day.span("2024-02-28", "2024-03-01") == 3
	day.span("2026-03-02", "2026-03-01") == 0
}
