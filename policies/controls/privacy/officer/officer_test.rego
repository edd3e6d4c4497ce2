package modelgate.controls.privacy.officer_test

import data.modelgate.controls.privacy.officer

found(content) := result if {
	result := officer.violation with input as {"records": {"privacy_assessment": {
		"file": {"path": "p.yaml"}, "content": content,
	}}}
}

not_consulted(observed) := {{
	"subject": "record/privacy-assessment", "message": "the data-protection officer was not consulted",
	"observed": observed, "expected": true, "source": {"file": "p.yaml", "line": 1},
}}

test_consulted if found({"officer_consulted": true}) == set()

test_not_consulted if {
	every consulted in [false, null, "true"] {
		found({"officer_consulted": consulted}) == not_consulted(consulted)
	}
	found({}) == not_consulted(null)
}

test_no_record if officer.violation == {{
	"subject": "record/privacy-assessment", "message": "the release has no such record", "observed": null,
	"expected": "a record of the kind `privacy-assessment`",
}} with input as {"records": {"privacy_assessment": null}}

test_it_applies_to_sensitive_data if {
	reason := {"no sensitive data is used"}
	officer.not_applicable == reason with input as {"intake": {"data_classes": ["personal", "financial"]}}
	officer.not_applicable == set() with input as {"intake": {"data_classes": ["personal", "health"]}}
	officer.not_applicable == set() with input as {"intake": {}}
}
