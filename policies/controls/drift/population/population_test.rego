package modelgate.controls.drift.population_test

import data.modelgate.controls.drift.population

parameters(required) := {"maximum": 0.25, "maximum_undeclared": 0.125, "required": required}

release(columns) := {"evaluations": [{"name": "holdout", "representativeness": columns}]}

found(columns) := result if {
	result := population.violation with input as release(columns) with data.parameters as parameters(true)
}

measure(value) := {"status": "ok", "value": value, "interval": {"low": -1, "high": 2}, "reason": null}

column(changes) := object.union({
	"column": "region", "population_stability_index": measure(0), "undeclared_segments": measure(0),
	"covered_segments": measure(1),
}, changes)

complaint(message, observed, expected) := {{
	"subject": "evaluation/holdout/region", "message": message, "observed": observed, "expected": expected,
}}

test_alike if found([column({
	"population_stability_index": measure(0.25), "undeclared_segments": measure(0.125),
})]) == set()

test_other_shares if found([column({"population_stability_index": measure(0.5)})]) == complaint(
	"the population stability index of the rows against the population is 0.5000, above 0.25", 0.5, 0.25,
)

test_values_that_were_not_declared if found([column({"undeclared_segments": measure(0.25)})]) == complaint(
	"the share of rows of no declared value is 0.2500, above 0.125", 0.25, 0.125,
)

test_a_value_without_rows if found([column({"covered_segments": measure(0.75)})]) == complaint(
	"of the declared values a share of 0.7500 has rows", 0.75, 1,
)

names := {
	"population_stability_index": ["the population stability index of the rows against the population", 0.25],
	"undeclared_segments": ["the share of rows of no declared value", 0.125],
	"covered_segments": ["the share of declared values with rows", 1],
}

test_without_a_value if {
	every id, named in names {
		every broken in [null, {"status": "error", "value": 0}, {"status": "undefined", "value": null}] {
			found([column({id: broken})]) == complaint(
				sprintf("%s has no value: no reason is given", [named[0]]), null, named[1],
			)
		}
	}
}

test_each_column_of_each_evaluation if {
	far := column({"column": "age", "population_stability_index": measure(0.5)})
	evaluations := [{"name": "a", "representativeness": [column({}), far]}, {"name": "b", "representativeness": [far]}]
	findings := population.violation with input as {"evaluations": evaluations}
		with data.parameters as parameters(true)
	{finding.subject | some finding in findings} == {"evaluation/a/age", "evaluation/b/age"}
}

test_not_declared if {
	every evaluation in [{"representativeness": []}, {"representativeness": null}, {}] {
		evaluations := {"evaluations": [object.union({"name": "holdout"}, evaluation)]}
		findings := population.violation with input as evaluations with data.parameters as parameters(true)
		findings == {{
			"subject": "evaluation/holdout", "message": "the shares of no population are declared",
			"observed": 0, "expected": "at least one column",
		}}
		tolerated := population.violation with input as evaluations with data.parameters as parameters(false)
		tolerated == set()
		reasons := population.not_applicable with input as evaluations with data.parameters as parameters(false)
		reasons == {"no evaluation declares the shares of a population"}
		required := population.not_applicable with input as evaluations with data.parameters as parameters(true)
		required == set()
	}
}

test_it_applies_where_one_declares if {
	evaluations := [{"name": "a", "representativeness": []}, {"name": "b", "representativeness": [column({})]}]
	population.not_applicable == set() with input as {"evaluations": evaluations}
		with data.parameters as parameters(false)
	population.not_applicable == set() with input as {"evaluations": []} with data.parameters as parameters(false)
	findings := population.violation with input as {"evaluations": evaluations}
		with data.parameters as parameters(true)
	{finding.subject | some finding in findings} == {"evaluation/a"}
}
