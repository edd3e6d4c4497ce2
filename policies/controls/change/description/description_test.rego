package modelgate.controls.change.description_test

import data.modelgate.controls.change.description

found(summary) := result if {
	result := description.violation with input as {"change": {"summary": summary}} with data.parameters as {"minimum_words": 4}
}

test_described if found("Trained on more data") == set()

test_not_described if found("Trained again") == {{
	"subject": "manifest", "message": "the summary of the change has 2 words", "observed": 2, "expected": 4,
}}
