package modelgate.controls.intake.declared_tier_test

import data.modelgate.controls.intake.declared_tier

found(declared, computed) := result if {
	result := declared_tier.violation with input as {"tier": {"declared": declared, "computed": computed}}
}

test_a_declaration_at_or_above_the_computed_tier if {
	found("high", "high") == set()
	found("critical", "high") == set()
	found("limited", "minimal") == set()
}

test_no_declaration if found(null, "high") == set()

test_a_declaration_below_the_computed_tier if {
	found("limited", "high") == {{
		"subject": "manifest", "message": "the declared tier `limited` is below the computed tier `high`",
		"observed": "limited", "expected": "high",
	}}
	count(found("minimal", "limited")) == 1
	count(found("high", "critical")) == 1
}
