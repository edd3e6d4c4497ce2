package modelgate.controls.documentation.model_card_test

import data.modelgate.controls.documentation.model_card

found(license) := result if {
	result := model_card.violation with input as {"card": {"path": "CARD.md", "license": license}}
}

missing(observed) := {{
	"subject": "card/CARD.md", "message": "the card states no licence", "observed": observed,
	"expected": "a licence, such as `apache-2.0` or `proprietary`", "source": {"file": "CARD.md", "line": 1},
}}

test_a_licence if found("apache-2.0") == set()

test_no_licence if {
	found(null) == missing(null)
	found(" ") == missing(" ")
}
