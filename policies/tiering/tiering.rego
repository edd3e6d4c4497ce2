# METADATA
# title: Tiering rules
# description: |-
#   Materiality is exposure times purpose: what a wrong output does, and to how many. Every rule that
#   applies gives a reason with the tier that it asks for at least; the strictest wins.
package modelgate.tiering

# Fields in which a decision has consequences for a person's life (EU AI Act, Annex III, names most).
consequential_domains := {
	"credit", "employment", "education", "insurance", "health",
	"essential-services", "law-enforcement", "biometrics", "safety-component",
}

# Fields in which the consequences can hardly be undone.
grave_domains := {"health", "law-enforcement", "biometrics", "safety-component"}

sensitive_data := {"health", "special-category", "biometric", "children"}

shapes_decisions if input.intake.decision_role in {"recommends", "decides"}

reason contains {"rule": "TIER-BASE", "tier": "minimal", "reason": "every model has at least this tier"}

reason contains {"rule": "TIER-EXPOSURE", "tier": "limited", "reason": sprintf("its output reaches people outside the organisation (exposure: %s)", [input.intake.exposure])} if {
	input.intake.exposure in {"partner", "public"}
}

reason contains {"rule": "TIER-PERSONAL-DATA", "tier": "limited", "reason": "it is built on data about identifiable people"} if {
	some class in input.intake.data_classes
	class in {"personal", "financial", "health", "special-category", "biometric", "children"}
}

reason contains {"rule": "TIER-CONSEQUENTIAL-DOMAIN", "tier": "high", "reason": sprintf("it %s in a field with consequences for people (%s)", [input.intake.decision_role, input.intake.domain])} if {
	input.intake.domain in consequential_domains
	shapes_decisions
}

reason contains {"rule": "TIER-SENSITIVE-DATA", "tier": "high", "reason": sprintf("it %s with sensitive data (%s)", [input.intake.decision_role, concat(", ", sort(classes))])} if {
	classes := {class | some class in input.intake.data_classes; class in sensitive_data}
	count(classes) > 0
	shapes_decisions
}

reason contains {"rule": "TIER-FULLY-AUTOMATED", "tier": "high", "reason": "it decides about people outside the organisation and nobody sees the decision before it takes effect"} if {
	input.intake.autonomy == "fully-automated"
	input.intake.decision_role == "decides"
	input.intake.exposure != "internal"
}

reason contains {"rule": "TIER-SCALE", "tier": "high", "reason": sprintf("it %s for %d people a year", [input.intake.decision_role, input.intake.people_affected_per_year])} if {
	input.intake.people_affected_per_year >= 1000000
	shapes_decisions
}

reason contains {"rule": "TIER-AUTOMATED-CONSEQUENCES", "tier": "critical", "reason": sprintf("it decides without a person in a field with consequences for people (%s)", [input.intake.domain])} if {
	input.intake.domain in consequential_domains
	input.intake.decision_role == "decides"
	input.intake.autonomy == "fully-automated"
}

reason contains {"rule": "TIER-GRAVE-DOMAIN", "tier": "critical", "reason": sprintf("it decides in a field where harm can hardly be undone (%s)", [input.intake.domain])} if {
	input.intake.domain in grave_domains
	input.intake.decision_role == "decides"
}

reason contains {"rule": "TIER-CONSEQUENCES-AT-SCALE", "tier": "critical", "reason": sprintf("it %s for %d people a year in a field with consequences for people (%s)", [input.intake.decision_role, input.intake.people_affected_per_year, input.intake.domain])} if {
	input.intake.domain in consequential_domains
	input.intake.people_affected_per_year >= 1000000
	shapes_decisions
}
