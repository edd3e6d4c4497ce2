package modelgate.tiering_test

import data.modelgate.tiering

harmless := {
	"exposure": "internal", "decision_role": "informs", "domain": "operations", "autonomy": "human-in-the-loop",
	"data_classes": ["internal"], "jurisdictions": ["EU"], "people_affected_per_year": 10,
}

# The rules that apply to the harmless release with some answers changed.
rules(changes) := result if {
	reasons := tiering.reason with input as {"intake": object.union(harmless, changes)}
	result := {found.rule: found.tier | some found in reasons}
}

test_a_harmless_release_is_minimal if rules({}) == {"TIER-BASE": "minimal"}

test_exposure if {
	rules({"exposure": "partner"}) == {"TIER-BASE": "minimal", "TIER-EXPOSURE": "limited"}
	rules({"exposure": "public"}) == {"TIER-BASE": "minimal", "TIER-EXPOSURE": "limited"}
}

test_personal_data if rules({"data_classes": ["personal"]}) == {"TIER-BASE": "minimal", "TIER-PERSONAL-DATA": "limited"}

test_a_consequential_domain_counts_when_decisions_are_shaped if {
	rules({"domain": "credit"}) == {"TIER-BASE": "minimal"}
	rules({"domain": "credit", "decision_role": "recommends"}) == {"TIER-BASE": "minimal", "TIER-CONSEQUENTIAL-DOMAIN": "high"}
	rules({"domain": "credit", "decision_role": "decides"}) == {"TIER-BASE": "minimal", "TIER-CONSEQUENTIAL-DOMAIN": "high"}
}

test_sensitive_data_counts_when_decisions_are_shaped if {
	rules({"data_classes": ["health"]}) == {"TIER-BASE": "minimal", "TIER-PERSONAL-DATA": "limited"}
	rules({"data_classes": ["health"], "decision_role": "recommends"}) == {
		"TIER-BASE": "minimal", "TIER-PERSONAL-DATA": "limited", "TIER-SENSITIVE-DATA": "high",
	}
}

test_nobody_sees_the_decision if {
	automated := {"autonomy": "fully-automated", "decision_role": "decides"}
	rules(automated) == {"TIER-BASE": "minimal"}
	rules(object.union(automated, {"exposure": "partner"})) == {
		"TIER-BASE": "minimal", "TIER-EXPOSURE": "limited", "TIER-FULLY-AUTOMATED": "high",
	}
	rules(object.union(automated, {"domain": "credit"})) == {
		"TIER-BASE": "minimal", "TIER-CONSEQUENTIAL-DOMAIN": "high", "TIER-AUTOMATED-CONSEQUENCES": "critical",
	}
}

test_scale if {
	rules({"people_affected_per_year": 1000000}) == {"TIER-BASE": "minimal"}
	rules({"people_affected_per_year": 999999, "decision_role": "recommends"}) == {"TIER-BASE": "minimal"}
	rules({"people_affected_per_year": 1000000, "decision_role": "recommends"}) == {"TIER-BASE": "minimal", "TIER-SCALE": "high"}
	rules({"people_affected_per_year": 1000000, "decision_role": "recommends", "domain": "credit"}) == {
		"TIER-BASE": "minimal", "TIER-SCALE": "high", "TIER-CONSEQUENTIAL-DOMAIN": "high",
		"TIER-CONSEQUENCES-AT-SCALE": "critical",
	}
}

test_a_grave_domain if rules({"domain": "health", "decision_role": "decides"}) == {
	"TIER-BASE": "minimal", "TIER-CONSEQUENTIAL-DOMAIN": "high", "TIER-GRAVE-DOMAIN": "critical",
}

test_reasons_are_about_the_release if {
	found := tiering.reason with input as {"intake": object.union(harmless, {
		"domain": "credit", "decision_role": "recommends", "people_affected_per_year": 2000000,
	})}
	reasons := {reason.reason | some reason in found}
	"it recommends for 2000000 people a year in a field with consequences for people (credit)" in reasons
}

# What a rule says about the harmless release with some answers changed.
said(rule, changes) := result if {
	reasons := tiering.reason with input as {"intake": object.union(harmless, changes)}
	result := {found.reason | some found in reasons; found.rule == rule}
}

test_each_consequential_domain if {
	every domain in [
		"credit", "employment", "education", "insurance", "health",
		"essential-services", "law-enforcement", "biometrics", "safety-component",
	] {
		said("TIER-CONSEQUENTIAL-DOMAIN", {"domain": domain, "decision_role": "recommends"})
			== {sprintf("it recommends in a field with consequences for people (%s)", [domain])}
	}
	every domain in ["financial-crime", "marketing", "operations", "other"] {
		rules({"domain": domain, "decision_role": "decides"}) == {"TIER-BASE": "minimal"}
	}
}

test_each_grave_domain if {
	every domain in ["health", "law-enforcement", "biometrics", "safety-component"] {
		said("TIER-GRAVE-DOMAIN", {"domain": domain, "decision_role": "decides"})
			== {sprintf("it decides in a field where harm can hardly be undone (%s)", [domain])}
		said("TIER-GRAVE-DOMAIN", {"domain": domain, "decision_role": "recommends"}) == set()
	}
	every domain in ["credit", "employment", "education", "insurance", "essential-services"] {
		said("TIER-GRAVE-DOMAIN", {"domain": domain, "decision_role": "decides"}) == set()
	}
}

test_each_class_of_data if {
	every class in ["personal", "financial", "health", "special-category", "biometric", "children"] {
		said("TIER-PERSONAL-DATA", {"data_classes": [class]}) == {"it is built on data about identifiable people"}
	}
	every class in ["health", "special-category", "biometric", "children"] {
		said("TIER-SENSITIVE-DATA", {"data_classes": [class], "decision_role": "decides"})
			== {sprintf("it decides with sensitive data (%s)", [class])}
	}
	every class in ["public", "internal", "personal", "financial"] {
		said("TIER-SENSITIVE-DATA", {"data_classes": [class], "decision_role": "decides"}) == set()
	}
	said("TIER-SENSITIVE-DATA", {"data_classes": ["health", "personal", "children"], "decision_role": "recommends"})
		== {"it recommends with sensitive data (children, health)"}
}

test_what_the_other_rules_say if {
	said("TIER-BASE", {}) == {"every model has at least this tier"}
	every exposure in ["partner", "public"] {
		said("TIER-EXPOSURE", {"exposure": exposure})
			== {sprintf("its output reaches people outside the organisation (exposure: %s)", [exposure])}
	}
	automated := {"autonomy": "fully-automated", "decision_role": "decides", "exposure": "public", "domain": "credit"}
	said("TIER-FULLY-AUTOMATED", automated)
		== {"it decides about people outside the organisation and nobody sees the decision before it takes effect"}
	said("TIER-AUTOMATED-CONSEQUENCES", automated)
		== {"it decides without a person in a field with consequences for people (credit)"}
	said("TIER-SCALE", {"decision_role": "decides", "people_affected_per_year": 1000000})
		== {"it decides for 1000000 people a year"}
}

test_each_answer_counts if {
	automated := {"autonomy": "fully-automated", "decision_role": "decides", "exposure": "public", "domain": "credit"}
	every changes in [
		{"autonomy": "human-in-the-loop"}, {"autonomy": "human-on-the-loop"},
		{"decision_role": "recommends"}, {"decision_role": "informs"},
	] {
		said("TIER-FULLY-AUTOMATED", object.union(automated, changes)) == set()
		said("TIER-AUTOMATED-CONSEQUENCES", object.union(automated, changes)) == set()
	}
	said("TIER-CONSEQUENCES-AT-SCALE", {"domain": "credit", "people_affected_per_year": 1000000}) == set()
	at_scale := {"decision_role": "recommends", "people_affected_per_year": 1000000}
	said("TIER-CONSEQUENCES-AT-SCALE", at_scale) == set()
	below_scale := {"domain": "credit", "decision_role": "recommends", "people_affected_per_year": 999999}
	said("TIER-CONSEQUENCES-AT-SCALE", below_scale) == set()
}
