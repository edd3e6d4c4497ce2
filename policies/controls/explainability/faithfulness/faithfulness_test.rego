package modelgate.controls.explainability.faithfulness_test

import data.modelgate.controls.explainability.faithfulness

found(content) := result if {
	result := faithfulness.violation with input as {"records": {"explainability": {
		"file": {"path": "e.yaml"}, "content": content,
	}}}
}

test_checked if found({"faithfulness_check": "They sum to the score.", "limits": "None are causes."}) == set()

test_not_checked if {
	every question in ["faithfulness_check", "limits"] {
		every answer in [null, " ", true] {
			found(object.union({"faithfulness_check": "checked", "limits": "some"}, {question: answer})) == {{
				"subject": "record/explainability", "message": sprintf("`%s` is not answered", [question]),
				"observed": answer, "expected": "an answer", "source": {"file": "e.yaml", "line": 1},
			}}
		}
	}
	count(found({})) == 2
}

test_no_record if faithfulness.violation == {{
	"subject": "record/explainability", "message": "the release has no such record", "observed": null,
	"expected": "a record of the kind `explainability`",
}} with input as {"records": {"explainability": null}}
