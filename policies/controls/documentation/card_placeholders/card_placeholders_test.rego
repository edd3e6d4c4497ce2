package modelgate.controls.documentation.card_placeholders_test

import data.modelgate.controls.documentation.card_placeholders

found(placeholder) := result if {
	result := card_placeholders.violation with input as {"card": {"path": "CARD.md", "sections": [
		{"heading": "Uses", "line": 4, "placeholder": placeholder},
	]}}
}

test_none if found(false) == set()

test_one if found(true) == {{
	"subject": "card/CARD.md", "message": "the section `Uses` holds a placeholder", "source": {"file": "CARD.md", "line": 4},
}}
