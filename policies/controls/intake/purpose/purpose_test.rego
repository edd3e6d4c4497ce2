package modelgate.controls.intake.purpose_test

import data.modelgate.controls.intake.purpose

found(text) := result if {
	result := purpose.violation with input as {"model": {"purpose": text}} with data.parameters as {"minimum_words": 3}
}

test_enough_words if found("Ranks support tickets") == set()

test_too_few_words if found("Ranks tickets") == {{
	"subject": "manifest", "message": "the purpose has 2 words", "observed": 2, "expected": 3,
}}
