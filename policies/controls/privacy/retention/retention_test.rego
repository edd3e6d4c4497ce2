package modelgate.controls.privacy.retention_test

import data.modelgate.controls.privacy.retention

found(content) := result if {
	result := retention.violation with input as {"records": {"privacy_assessment": {
		"file": {"path": "p.yaml"}, "content": content,
	}}}
		with data.parameters as {"maximum_days": 365}
}

kept(observed) := {{
	"subject": "record/privacy-assessment", "message": sprintf("the data is kept for %v days", [observed]),
	"observed": observed, "expected": 365, "source": {"file": "p.yaml", "line": 1},
}}

test_short if {
	found({"retention_days": 365}) == set()
	found({"retention_days": 30}) == set()
}

test_long if found({"retention_days": 366}) == kept(366)

test_not_said if {
	every days in [null, "30", false] {
		found({"retention_days": days}) == kept(days)
	}
	found({}) == kept(null)
}

test_no_record if {
	retention.violation == {{
		"subject": "record/privacy-assessment", "message": "the release has no such record", "observed": null,
		"expected": "a record of the kind `privacy-assessment`",
	}} with input as {"records": {"privacy_assessment": null}} with data.parameters as {"maximum_days": 365}
}

test_it_applies_to_data_about_people if {
	reason := {"no data about people is used"}
	retention.not_applicable == reason with input as {"intake": {"data_classes": ["internal"]}}
	retention.not_applicable == set() with input as {"intake": {"data_classes": ["financial"]}}
}
