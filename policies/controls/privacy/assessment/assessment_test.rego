package modelgate.controls.privacy.assessment_test

import data.modelgate.controls.privacy.assessment

found(content) := result if {
	result := assessment.violation with input as {"records": {"privacy_assessment": {
		"file": {"path": "p.yaml"}, "content": content,
	}}}
}

test_assessed if found({"lawful_basis": "contract", "minimisation": "no names"}) == set()

test_a_question_is_open if {
	every question in ["lawful_basis", "minimisation"] {
		every answer in [null, " ", 7] {
			found(object.union({"lawful_basis": "contract", "minimisation": "no names"}, {question: answer})) == {{
				"subject": "record/privacy-assessment", "message": sprintf("`%s` is not answered", [question]),
				"observed": answer, "expected": "an answer", "source": {"file": "p.yaml", "line": 1},
			}}
		}
	}
	count(found({})) == 2
}

test_no_record if {
	every facts in [{}, {"records": {"privacy_assessment": null}}] {
		assessment.violation == {{
			"subject": "record/privacy-assessment", "message": "the release has no such record", "observed": null,
			"expected": "a record of the kind `privacy-assessment`",
		}} with input as facts
	}
}

test_it_applies_to_data_about_people if {
	reason := {"no data about people is used"}
	assessment.not_applicable == reason with input as {"intake": {"data_classes": ["public", "internal"]}}
	assessment.not_applicable == set() with input as {"intake": {"data_classes": ["public", "personal"]}}
	assessment.not_applicable == set() with input as {"intake": {"data_classes": null}}
}
