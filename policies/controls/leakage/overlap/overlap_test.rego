package modelgate.controls.leakage.overlap_test

import data.modelgate.controls.leakage.overlap

parameters(required) := {"maximum_overlap": 0.125, "must_be_compared": ["id_overlap"], "required": required}

share(value) := {"status": "ok", "value": value, "interval": null, "reason": null}

undefined := {"status": "undefined", "value": null, "interval": null, "reason": "no such column"}

release(evaluation) := {"evaluations": [object.union({"name": "holdout"}, evaluation)]}

clean := {"row_overlap": share(0), "id_overlap": share(0.125), "entity_overlap": share(0)}

found(changes) := result if {
	result := overlap.violation with input as release({"leakage": object.union(clean, changes)})
		with data.parameters as parameters(true)
}

name(id) := {
	"row_overlap": "the share of rows that are also in the reference",
	"id_overlap": "the share of rows whose id is also in the reference",
	"entity_overlap": "the share of rows whose entity is also in the reference",
}[id]

without_value(id, reason) := {{
	"subject": "evaluation/holdout", "message": sprintf("%s has no value: %s", [name(id), reason]),
	"observed": null, "expected": 0.125,
}}

ids := ["row_overlap", "id_overlap", "entity_overlap"]

test_apart if {
	every id in ids {
		found({id: share(0.125)}) == set()
	}
}

test_overlapping if {
	every id in ids {
		found({id: share(0.25)}) == {{
			"subject": "evaluation/holdout", "message": sprintf("%s is 0.2500, above 0.125", [name(id)]),
			"observed": 0.25, "expected": 0.125,
		}}
	}
}

test_the_upper_end_counts if {
	every id in ids {
		uncertain := object.union(share(0.125), {"interval": {"low": 0, "high": 0.5}})
		{finding.observed | some finding in found({id: uncertain})} == {0.5}
	}
}

test_without_a_value if {
	every id in ids {
		found({id: null}) == without_value(id, "no reason is given")
		found({id: object.union(share(0.1), {"status": "error"})}) == without_value(id, "no reason is given")
	}
	found({"row_overlap": undefined}) == without_value("row_overlap", "no such column")
}

test_what_was_not_declared if {
	found({"entity_overlap": undefined}) == set()
	found({"id_overlap": undefined}) == without_value("id_overlap", "no such column")
	findings := overlap.violation with input as release({"leakage": object.union(clean, {"id_overlap": undefined})})
		with data.parameters as {"maximum_overlap": 0.125, "must_be_compared": [], "required": true}
	findings == set()
}

test_not_compared if {
	every evaluation in [{}, {"leakage": null}, {"leakage": "train"}] {
		findings := overlap.violation with input as release(evaluation) with data.parameters as parameters(true)
		findings == {{
			"subject": "evaluation/holdout", "message": "the rows were not compared with those of the training data",
			"observed": null, "expected": "a comparison",
		}}
		tolerated := overlap.violation with input as release(evaluation) with data.parameters as parameters(false)
		tolerated == set()
		reasons := overlap.not_applicable with input as release(evaluation)
			with data.parameters as parameters(false)
		reasons == {"the rows were not compared with those of the training data"}
	}
}

test_it_applies_where_a_comparison_is_required_or_there if {
	overlap.not_applicable == set() with input as release({}) with data.parameters as parameters(true)
	overlap.not_applicable == set() with input as release({"leakage": clean})
		with data.parameters as parameters(false)
}

of_files(identical) := result if {
	result := overlap.violation
		with input as {"evaluations": [{"name": "holdout", "leakage": {"identical_files": identical}}]}
		with data.parameters as {"maximum_overlap": 1, "must_be_compared": [], "required": true}
}

test_the_training_data_itself if {
	message := "the rows are the training data: both are the same file, byte for byte"
	message in {finding.message | some finding in of_files(true)}
	every identical in [false, null, "true"] {
		not message in {finding.message | some finding in of_files(identical)}
	}
}
