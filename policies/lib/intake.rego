# METADATA
# title: Intake answers
# description: |-
#   What follows from an answer. Each rule says that a control does not concern the release, and holds only
#   where the answer is there: without it everything does.
package modelgate.lib.intake

# Fields in which a decision is about one person and has consequences for them.
personal_fields := {
	"credit", "employment", "education", "insurance", "health", "essential-services", "law-enforcement", "biometrics",
}

about_people := {"personal", "financial", "health", "special-category", "biometric", "children"}

sensitive := {"health", "special-category", "biometric", "children"}

decides_about_nobody if {
	is_string(input.intake.domain)
	not input.intake.domain in personal_fields
}

holds_nothing_about_people if {
	is_array(input.intake.data_classes)
	count({class | some class in input.intake.data_classes} & about_people) == 0
}

holds_nothing_sensitive if {
	is_array(input.intake.data_classes)
	count({class | some class in input.intake.data_classes} & sensitive) == 0
}
