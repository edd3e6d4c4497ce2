# METADATA
# title: The grave threats were tested, and the model held
# description: |-
#   A mitigation counts once somebody has tried to get past it. Each threat whose impact or likelihood is
#   high has a passed test of its kind that is not older than the tier allows, and no recorded test
#   failed or came to nothing. What is not rated counts as high.
# custom:
#   id: SEC-003
#   severity: high
#   remediation: >-
#     Run a test of each kind that the finding names against this version, mend what fails, and record
#     method, day and result in `security-tests`.
#   waivable: true
#   parameters:
#     maximum_age_days: {type: integer, description: Greatest age of a test in days}
#   frameworks: [eu-ai-act:Art.15, nist-ai-rmf:MEASURE-2.7]
package modelgate.controls.security.security_tests

import data.modelgate.lib.day
import data.modelgate.lib.rating
import data.modelgate.lib.record

gaps := record.lacking("threat_model", "threats") | record.lacking("security_tests", "tests")

tests := record.list("security_tests", "tests")

withstood := {test.kind |
	some test in tests
	test.result == "pass"
	day.within(test.performed_on, data.parameters.maximum_age_days)
}

grave(threat) if not rating.within(object.get(threat, "impact", null), "medium")

grave(threat) if not rating.within(object.get(threat, "likelihood", null), "medium")

violation contains finding if some finding in gaps

violation contains record.about("security_tests", problem) if {
	count(gaps) == 0
	some threat in record.list("threat_model", "threats")
	grave(threat)
	kind := object.get(threat, "kind", null)
	not kind in withstood
	problem := {
		"message": sprintf("no test of the last %d days shows that the model holds against %s (%v)", [
			data.parameters.maximum_age_days, record.id(threat), kind,
		]),
		"observed": sort(withstood),
		"expected": kind,
	}
}

violation contains record.about("security_tests", problem) if {
	some test in tests
	result := object.get(test, "result", null)
	result != "pass"
	problem := {
		"message": sprintf("the test %s came to %v", [record.id(test), result]),
		"observed": result,
		"expected": "pass",
	}
}
