# METADATA
# title: The declared tier is not below the computed one
# description: |-
#   A team may declare the tier that it believes to be right. One that is below what the tiering rules
#   come to is judged by the computed tier all the same; it is also a sign that the intake answers
#   and the team's own view of the risk differ, which somebody should resolve.
# custom:
#   id: INT-001
#   severity: high
#   remediation: Correct `intake.declared_tier`, or the intake answers if one of them is wrong; or leave the declaration out.
#   waivable: false
#   frameworks: [eu-ai-act:Art.9, nist-ai-rmf:MANAGE-1.1, sr-26-2:model-materiality]
package modelgate.controls.intake.declared_tier

order := {"minimal": 0, "limited": 1, "high": 2, "critical": 3}

violation contains finding if {
	order[input.tier.declared] < order[input.tier.computed]
	finding := {
		"subject": "manifest",
		"message": sprintf("the declared tier `%s` is below the computed tier `%s`", [input.tier.declared, input.tier.computed]),
		"observed": input.tier.declared,
		"expected": input.tier.computed,
	}
}
