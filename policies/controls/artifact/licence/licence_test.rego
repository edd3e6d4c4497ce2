package modelgate.controls.artifact.licence_test

import data.modelgate.controls.artifact.licence

found(card) := result if {
	result := licence.violation with input as {"card": object.union({"path": "CARD.md"}, card)}
		with data.parameters as {"allowed": ["apache-2.0", "Proprietary"]}
}

complaint(message, observed) := {{
	"subject": "card/CARD.md", "message": message, "observed": observed, "expected": ["apache-2.0", "Proprietary"],
	"source": {"file": "CARD.md", "line": 1},
}}

test_an_allowed_licence if {
	every allowed in ["apache-2.0", " Apache-2.0 ", "proprietary"] {
		found({"license": allowed}) == set()
	}
}

test_another_licence if {
	found({"license": "cc-by-nc-4.0"}) == complaint("the licence is `cc-by-nc-4.0`, which is not allowed", "cc-by-nc-4.0")
	found({"license": "apache"}) == complaint("the licence is `apache`, which is not allowed", "apache")
}

test_no_licence if {
	found({}) == complaint("the licence is not stated", null)
	found({"license": null}) == complaint("the licence is not stated", null)
	found({"license": " "}) == complaint("the licence is not stated", " ")
	found({"license": ["mit"]}) == complaint("the licence is not stated", ["mit"])
}
