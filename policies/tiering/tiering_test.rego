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
