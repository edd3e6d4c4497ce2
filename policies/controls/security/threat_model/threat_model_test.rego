package modelgate.controls.security.threat_model_test

import data.modelgate.controls.security.threat_model

threat(changes) := object.union(
	{"id": "T-1", "kind": "evasion", "impact": "high", "mitigations": ["limits"]},
	changes,
)

found(threats) := result if {
	result := threat_model.violation with input as {"records": {"threat_model": {
		"file": {"path": "t.yaml"}, "content": {"threats": threats},
	}}}
		with data.parameters as {"attack_kinds": ["evasion", "misuse"]}
}

misuse := threat({"id": "T-2", "kind": "misuse"})

at(problem) := {object.union({"subject": "record/threat-model", "source": {"file": "t.yaml", "line": 1}}, problem)}

test_covered if found([threat({}), misuse]) == set()

test_a_kind_is_missing if {
	found([threat({})]) == at({
		"message": "no threat of the kind `misuse` is considered", "observed": ["evasion"], "expected": "misuse",
	})
	count(found([])) == 2
}

test_a_grave_threat_without_mitigation if {
	every impact in ["high", null, "grave", 3] {
		every mitigations in [[], null, "limits"] {
			found([threat({"impact": impact, "mitigations": mitigations}), misuse]) == at({
				"message": "nothing stands against the threat T-1, whose impact is high",
				"observed": mitigations, "expected": "a mitigation",
			})
		}
	}
	bare := object.remove(threat({}), ["mitigations", "impact"])
	found([bare, misuse]) == at({
		"message": "nothing stands against the threat T-1, whose impact is high", "observed": null,
		"expected": "a mitigation",
	})
}

test_a_lesser_threat_needs_none if {
	every impact in ["low", "medium"] {
		found([threat({"impact": impact, "mitigations": []}), misuse]) == set()
	}
}

test_no_record if {
	expected := {{
		"subject": "record/threat-model", "message": "the release has no such record", "observed": null,
		"expected": "a record of the kind `threat-model`",
	}}
	every facts in [{}, {"records": null}, {"records": {"threat_model": null}}] {
		threat_model.violation == expected with input as facts with data.parameters as {"attack_kinds": ["evasion"]}
	}
	found("none") == at({"message": "the record lists no `threats`", "observed": "none", "expected": "a list"})
}
