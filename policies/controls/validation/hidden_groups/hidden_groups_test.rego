package modelgate.controls.validation.hidden_groups_test

import data.modelgate.controls.validation.hidden_groups

group(mean, p_value) := {
	"parts": [{"column": "region", "value": "north"}, {"column": "sex", "value": null}],
	"rows": 250, "mean": mean, "mean_of_others": 0.25, "adjusted_p_value": p_value,
}

found(groups) := result if {
	result := hidden_groups.violation
		with input as {"evaluations": [{"name": "holdout", "weakest_groups": {"groups": groups}}]}
		with data.parameters as {"maximum_ratio": 1.5, "significance": 0.0625}
}

test_served_alike if {
	found([]) == set()
	found([group(0.375, 0)]) == set()
}

test_chance if found([group(0.5, 0.0625)]) == set()

test_served_worse if {
	found([group(0.5, 0.03125), group(0.25, 0)]) == {{
		"subject": "evaluation/holdout/group/region=north × sex=",
		"message": "the mean loss of these 250 rows is 0.5000, more than 1.5 times the 0.2500 of all others",
		"observed": 0.5, "expected": 0.375,
	}}
}

test_it_applies_where_groups_were_searched if {
	hidden_groups.not_applicable == set() with input as {"evaluations": [{}, {"weakest_groups": {"groups": []}}]}
	hidden_groups.not_applicable == set() with input as {"evaluations": []}
	every evaluation in [{}, {"weakest_groups": null}] {
		reasons := hidden_groups.not_applicable with input as {"evaluations": [evaluation]}
		reasons == {"no groups were searched: there are no slice columns, or the rows are not independent"}
	}
}
