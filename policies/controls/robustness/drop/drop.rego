# METADATA
# title: No perturbation costs the model more than the tier bears
# description: |-
#   In each test of the record `robustness-tests` the metric (higher is better) is with the perturbation at
#   most `maximum_drop` below its value without, rounded to the ninth decimal place. A test without both
#   values is a finding.
# custom:
#   id: ROB-002
#   severity: medium
#   remediation: >-
#     Make the model bear the perturbation (train with it, bound or replace the input), or refuse such
#     input before the model sees it and record the test again with the guard in place.
#   waivable: true
#   parameters:
#     maximum_drop:
#       {type: number, description: "Greatest loss of the metric, as an absolute difference in its own unit"}
#   frameworks: [eu-ai-act:Art.15, nist-ai-rmf:MEASURE-2.5]
package modelgate.controls.robustness.drop

import data.modelgate.lib.record

violation contains finding if some finding in record.lacking("robustness_tests", "tests")

drop(test) := round((test.baseline - test.perturbed) * 1000000000) / 1000000000 if measured(test)

measured(test) if {
	is_number(test.baseline)
	is_number(test.perturbed)
}

violation contains record.about("robustness_tests", problem) if {
	some test in record.list("robustness_tests", "tests")
	drop(test) > data.parameters.maximum_drop
	metric := object.get(test, "metric", "the metric")
	problem := {
		"message": sprintf("%v loses %.4f in the test %s", [metric, drop(test), record.id(test)]),
		"observed": drop(test),
		"expected": data.parameters.maximum_drop,
	}
}

violation contains record.about("robustness_tests", problem) if {
	some test in record.list("robustness_tests", "tests")
	not measured(test)
	problem := {
		"message": sprintf("the test %s has no values to compare", [record.id(test)]),
		"observed": null,
		"expected": data.parameters.maximum_drop,
	}
}
