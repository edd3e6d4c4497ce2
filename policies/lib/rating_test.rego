package modelgate.lib.rating_test

import data.modelgate.lib.rating

test_within if {
	every limit, ratings in {"low": ["low"], "medium": ["low", "medium"], "high": ["low", "medium", "high"]} {
		{one | some one in ["low", "medium", "high"]; rating.within(one, limit)} == {one | some one in ratings}
	}
}

test_below if {
	every limit, ratings in {"low": [], "medium": ["low"], "high": ["low", "medium"]} {
		{one | some one in ["low", "medium", "high"]; rating.below(one, limit)} == {one | some one in ratings}
	}
}

test_what_is_no_rating if {
	every other in [null, "", "High", 1, "critical"] {
		not rating.within(other, "high")
		not rating.within("low", other)
		not rating.below(other, "high")
		not rating.below("low", other)
	}
}
