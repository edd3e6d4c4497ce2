# METADATA
# title: It was tried what the model does with input that it was not trained on
# description: |-
#   Inputs go missing, units change, customers round. The record `robustness-tests` has at least as many
#   tests with an id of their own as the tier asks for, each with a metric's value before and after the
#   perturbation.
# custom:
#   id: ROB-001
#   severity: medium
#   remediation: >-
#     Perturb the evaluation data in ways that happen in use (a value missing, a unit changed, noise in
#     a measured input), compute a metric before and after, and record both.
#   waivable: true
#   parameters:
#     minimum_tests: {type: integer, description: Least number of tests}
#   frameworks: [eu-ai-act:Art.15, nist-ai-rmf:MEASURE-2.5]
package modelgate.controls.robustness.enough_tests

import data.modelgate.lib.record

gaps := record.lacking("robustness_tests", "tests")

measured := {test.id |
	some test in record.list("robustness_tests", "tests")
	is_number(test.baseline)
	is_number(test.perturbed)
}

violation contains finding if some finding in gaps

violation contains record.about("robustness_tests", problem) if {
	count(gaps) == 0
	count(measured) < data.parameters.minimum_tests
	problem := {
		"message": sprintf("%d robustness tests are recorded with their values", [count(measured)]),
		"observed": count(measured),
		"expected": data.parameters.minimum_tests,
	}
}
