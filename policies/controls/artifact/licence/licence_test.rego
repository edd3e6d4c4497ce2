package modelgate.controls.artifact.licence_test

import data.modelgate.controls.artifact.licence

found(licences) := result if {
	result := licence.violation with input as {"supply_chain": {"licences": licences}}
		with data.parameters as {"allowed": ["apache-2.0", "Proprietary", "mit"]}
}

card(stated, options) := {"source": "card", "path": "CARD.md", "stated": stated, "options": options}

complaint(subject, path, stated) := {
	"subject": subject, "message": sprintf("the licence is `%s`, which is not allowed", [stated]),
	"observed": stated, "expected": ["apache-2.0", "Proprietary", "mit"], "source": {"file": path, "line": 1},
}

test_an_allowed_licence if {
	found([card("Apache-2.0", [["apache-2.0"]])]) == set()
	found([card("proprietary", [["proprietary"]])]) == set()
	found([card("mit, apache-2.0", [["apache-2.0", "mit"]])]) == set()
	found([card("GPL-3.0 OR MIT", [["gpl-3.0"], ["mit"]])]) == set()
}

test_another_licence if {
	found([card("cc-by-nc-4.0", [["cc-by-nc-4.0"]])]) == {complaint("card/CARD.md", "CARD.md", "cc-by-nc-4.0")}
	found([card("MIT AND GPL-3.0", [["gpl-3.0", "mit"]])]) == {complaint("card/CARD.md", "CARD.md", "MIT AND GPL-3.0")}
	found([card("?", [])]) == {complaint("card/CARD.md", "CARD.md", "?")}
	found([card("?", [[]])]) == {complaint("card/CARD.md", "CARD.md", "?")}
	bill := {"source": "bill-of-materials", "path": "bom.json", "stated": "gpl", "options": [["gpl"]]}
	found([bill]) == {complaint("bill-of-materials", "bom.json", "gpl")}
	gguf := {"source": "artifact", "path": "m.gguf", "stated": "gpl", "options": [["gpl"]]}
	found([gguf]) == {complaint("artifact/m.gguf", "m.gguf", "gpl")}
}

test_no_licence if found([]) == {{
	"subject": "release", "message": "no file states the licence of the model", "observed": null,
	"expected": ["apache-2.0", "Proprietary", "mit"],
}}

test_files_say_the_same if {
	gguf := {"source": "artifact", "path": "m.gguf", "stated": "mit", "options": [["mit"]]}
	found([card("MIT", [["mit"]]), gguf]) == set()
	found([card("apache-2.0", [["apache-2.0"]]), gguf]) == {{
		"subject": "release", "message": "the files state different licences: `apache-2.0` (CARD.md), `mit` (m.gguf)",
		"observed": ["apache-2.0", "mit"], "expected": "one licence",
	}}
}
