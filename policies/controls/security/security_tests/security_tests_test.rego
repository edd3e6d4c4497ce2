package modelgate.controls.security.security_tests_test

import data.modelgate.controls.security.security_tests

# 2026-03-31.
now := 1774915200000000000

threat(changes) := object.union({"id": "T-1", "kind": "evasion", "impact": "high", "likelihood": "low"}, changes)

try(changes) := object.union({"id": "S-1", "kind": "evasion", "result": "pass", "performed_on": "2026-03-01"}, changes)

judged(threats, tests) := result if {
	result := security_tests.violation with input as {"records": {
		"threat_model": {"file": {"path": "t.yaml"}, "content": {"threats": threats}},
		"security_tests": {"file": {"path": "s.yaml"}, "content": {"tests": tests}},
	}}
		with data.parameters as {"maximum_age_days": 30}
		with time.now_ns as now
}

at(problem) := object.union({"subject": "record/security-tests", "source": {"file": "s.yaml", "line": 1}}, problem)

untested(kinds) := {at({
	"message": "no test of the last 30 days shows that the model holds against T-1 (evasion)",
	"observed": kinds, "expected": "evasion",
})}

test_tested if {
	judged([threat({})], [try({})]) == set()
	judged([], []) == set()
}

test_only_grave_threats_need_a_test if {
	every rating in ["low", "medium"] {
		judged([threat({"impact": rating, "likelihood": rating})], []) == set()
	}
	every rating in ["high", null, 7] {
		judged([threat({"impact": "low", "likelihood": rating})], []) == untested([])
		judged([threat({"impact": rating, "likelihood": "low"})], []) == untested([])
	}
	judged([object.remove(threat({}), ["impact"])], []) == untested([])
	judged([object.remove(threat({"impact": "low"}), ["likelihood"])], []) == untested([])
}

test_a_test_of_another_kind if judged([threat({})], [try({"kind": "misuse"})]) == untested(["misuse"])

test_a_threat_without_a_kind if judged([object.remove(threat({}), ["kind"])], [try({})]) == {at({
	"message": "no test of the last 30 days shows that the model holds against T-1 (null)",
	"observed": ["evasion"], "expected": null,
})}

test_an_old_test if {
	every performed_on in ["2026-02-28", "2026-04-01", null, 7] {
		judged([threat({})], [try({"performed_on": performed_on})]) == untested([])
	}
	judged([threat({})], [object.remove(try({}), ["performed_on"])]) == untested([])
	judged([threat({})], [try({"performed_on": "2026-03-31"})]) == set()
}

test_a_test_that_did_not_pass if {
	every result in ["fail", "inconclusive", null, true] {
		judged([threat({})], [try({}), try({"id": "S-2", "result": result})]) == {at({
			"message": sprintf("the test S-2 came to %v", [result]), "observed": result, "expected": "pass",
		})}
		count(judged([threat({})], [try({"result": result})])) == 2
	}
	count(judged([], [object.remove(try({}), ["result"])])) == 1
}

absent(kind) := {
	"subject": sprintf("record/%s", [kind]), "message": "the release has no such record", "observed": null,
	"expected": sprintf("a record of the kind `%s`", [kind]),
}

test_no_record if {
	tests := {"file": {"path": "s.yaml"}, "content": {"tests": []}}
	threats := {"file": {"path": "t.yaml"}, "content": {"threats": [threat({})]}}
	parameters := {"maximum_age_days": 30}
	security_tests.violation == {absent("threat-model"), absent("security-tests")} with input as {}
		with data.parameters as parameters
	security_tests.violation == {absent("security-tests")} with input as {"records": {"threat_model": threats}}
		with data.parameters as parameters
	security_tests.violation == {absent("threat-model")} with input as {"records": {"security_tests": tests}}
		with data.parameters as parameters
}
