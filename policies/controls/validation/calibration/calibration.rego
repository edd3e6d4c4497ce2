# METADATA
# title: Scores are probabilities
# description: |-
#   The expected calibration error (ten bins of equal width, positive class) is at most the tier's
#   ceiling. It has no interval and small samples raise it, so the ceiling is generous. It judges
#   evaluations of two classes.
# custom:
#   id: VAL-004
#   severity: medium
#   remediation: Calibrate the scores (isotonic or Platt) on data that is neither training nor evaluation.
#   waivable: true
#   needs: [evaluations]
#   parameters:
#     maximum: {type: number, description: Most expected calibration error}
#   frameworks: [eu-ai-act:Art.15, nist-ai-rmf:MEASURE-2.5]
package modelgate.controls.validation.calibration

import data.modelgate.lib.measured
import data.modelgate.lib.metric

not_applicable contains "no evaluation is of two classes, whose score is a probability" if {
	measured.none_of_two_classes(input.evaluations)
}

violation contains finding if {
	some evaluation in input.evaluations
	measured.of_two_classes(evaluation)
	some problem in metric.above(evaluation.metrics, "expected_calibration_error", data.parameters.maximum, "estimate")
	finding := object.union(problem, {"subject": sprintf("evaluation/%s", [evaluation.name])})
}
