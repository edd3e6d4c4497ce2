package modelgate.lib.intake_test

import data.modelgate.lib.intake

test_fields if {
	every domain in [
		"credit", "employment", "education", "insurance", "health", "essential-services", "law-enforcement", "biometrics",
	] {
		not intake.decides_about_nobody with input as {"intake": {"domain": domain}}
	}
	every domain in ["safety-component", "financial-crime", "marketing", "operations", "other"] {
		intake.decides_about_nobody with input as {"intake": {"domain": domain}}
	}
}

test_data if {
	every class in ["personal", "financial", "health", "special-category", "biometric", "children"] {
		not intake.holds_nothing_about_people with input as {"intake": {"data_classes": ["public", class]}}
	}
	every class in ["health", "special-category", "biometric", "children"] {
		not intake.holds_nothing_sensitive with input as {"intake": {"data_classes": ["public", class]}}
	}
	intake.holds_nothing_about_people with input as {"intake": {"data_classes": ["public", "internal"]}}
	ordinary := ["public", "internal", "personal", "financial"]
	intake.holds_nothing_sensitive with input as {"intake": {"data_classes": ordinary}}
}

test_without_an_answer_everything_concerns_it if {
	every facts in [
		{}, {"intake": null}, {"intake": {}}, {"intake": {"domain": null, "data_classes": null}},
		{"intake": {"domain": 7, "data_classes": "public"}}, {"intake": {"data_classes": {"public": true}}},
	] {
		not intake.decides_about_nobody with input as facts
		not intake.holds_nothing_about_people with input as facts
		not intake.holds_nothing_sensitive with input as facts
	}
}
