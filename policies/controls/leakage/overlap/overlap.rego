# METADATA
# title: The evaluation rows were not in the training data
# description: |-
#   A model recognises what it has seen. Of the rows at most the tier's share are also in the reference: as rows, by
#   their ids, or by their entities (a customer, a patient). Where a share has an interval its upper end counts. Ids and
#   entities that were not declared have no overlap to compute; the tier says which of the two must be there.
# custom:
#   id: LEA-001
#   severity: critical
#   remediation: >-
#     Take the rows that are in both out of the training data, train again, and split by entity or time rather than by
#     row; do not just delete them from the evaluation.
#   waivable: true
#   needs: [evaluations]
#   parameters:
#     maximum_overlap: {type: number, description: "Most share of the rows that are also in the reference, 0 to 1"}
#     must_be_compared: {type: array, description: "Of id_overlap and entity_overlap, those that must have a value"}
#     required: {type: boolean, description: Whether an evaluation that was not compared fails; else it is not judged}
#   frameworks: [eu-ai-act:Art.10, nist-ai-rmf:MEASURE-2.1, nist-ai-rmf:MEASURE-2.3]
package modelgate.controls.leakage.overlap

import data.modelgate.lib.measured

overlaps := {
	"row_overlap": "the share of rows that are also in the reference",
	"id_overlap": "the share of rows whose id is also in the reference",
	"entity_overlap": "the share of rows whose entity is also in the reference",
}

not_applicable contains "the rows were not compared with those of the training data" if {
	not data.parameters.required
	measured.nowhere(input.evaluations, "leakage")
}

violation contains finding if {
	data.parameters.required
	some finding in measured.missing(
		input.evaluations, "leakage",
		"the rows were not compared with those of the training data", "a comparison",
	)
}

violation contains finding if {
	some evaluation in input.evaluations
	is_object(evaluation.leakage)
	some id, name in overlaps
	not is_undeclared(evaluation.leakage, id)
	some problem in measured.above(evaluation.leakage, id, data.parameters.maximum_overlap, "upper-end", name)
	finding := object.union(problem, {"subject": sprintf("evaluation/%s", [evaluation.name])})
}

violation contains finding if {
	some evaluation in input.evaluations
	evaluation.leakage.identical_files == true
	finding := {
		"subject": sprintf("evaluation/%s", [evaluation.name]),
		"message": "the rows are the training data: both are the same file, byte for byte",
		"observed": true,
		"expected": false,
	}
}

is_undeclared(leakage, id) if {
	id in {"id_overlap", "entity_overlap"}
	not id in data.parameters.must_be_compared
	leakage[id].status == "undefined"
}
