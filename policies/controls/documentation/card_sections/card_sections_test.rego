package modelgate.controls.documentation.card_sections_test

import data.modelgate.controls.documentation.card_sections

section(kind, words, line) := {"kind": kind, "heading": sprintf("About %v", [kind]), "words": words, "line": line}

found(sections) := result if {
	result := card_sections.violation with input as {"card": {"path": "CARD.md", "sections": sections}}
		with data.parameters as {"sections": ["intended-use", "limitations"], "minimum_words": 10}
}

test_everything_is_there if found([section("intended-use", 10, 3), section("limitations", 30, 9), section(null, 0, 20)]) == set()

test_one_of_several_sections_suffices if found([
	section("intended-use", 2, 3), section("intended-use", 12, 5), section("limitations", 10, 9),
]) == set()

test_a_section_is_missing if found([section("intended-use", 10, 3)]) == {{
	"subject": "card/CARD.md", "message": "there is no section about limitations", "observed": null, "expected": "limitations",
}}

test_a_section_is_empty if found([section("intended-use", 9, 3), section("limitations", 10, 9)]) == {{
	"subject": "card/CARD.md", "message": "the section `About intended-use` has 9 words of content", "observed": 9, "expected": 10,
	"source": {"file": "CARD.md", "line": 3},
}}

test_a_kind_of_two_words if found([section("limitations", 10, 9)]) == {{
	"subject": "card/CARD.md", "message": "there is no section about intended use",
	"observed": null, "expected": "intended-use",
}}

test_the_longest_of_several_empty_sections_is_named if {
	sections := [section("intended-use", 2, 3), section("intended-use", 9, 5), section("limitations", 10, 9)]
	{finding.source.line | some finding in found(sections)} == {5}
}
