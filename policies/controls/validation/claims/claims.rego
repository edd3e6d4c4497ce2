# METADATA
# title: What the team claims is what the rows give
# description: |-
#   Every metric value that the manifest, or a file that it names, states is compared with the one that the gate recomputes. A
#   claim that there is nothing to compare with is not confirmed. Where the tier requires it, each
#   evaluation states at least one.
# custom:
#   id: VAL-005
#   severity: high
#   remediation: Find out which data and which threshold the claimed number is from; then correct the claim or the evaluation data.
#   waivable: false
#   needs: [evaluations]
#   parameters:
#     require_claims: {type: boolean, description: Whether each evaluation must state at least one value}
#   frameworks: [eu-ai-act:Annex-IV.2.g, nist-ai-rmf:MEASURE-2.3, sr-26-2:outcomes-analysis]
package modelgate.controls.validation.claims

violation contains finding if {
	some evaluation in input.evaluations
	some claim in evaluation.claims
	claim.result == "contradicted"
	finding := {
		"subject": sprintf("evaluation/%s", [evaluation.name]),
		"message": sprintf(
			"the claimed %s%s is %.4f; the rows give %.4f",
			[claim.metric, place(claim), claim.claimed, claim.recomputed],
		),
		"observed": claim.recomputed,
		"expected": claim.claimed,
	}
}

violation contains finding if {
	some evaluation in input.evaluations
	some claim in evaluation.claims
	not claim.result in {"confirmed", "contradicted"}
	finding := {
		"subject": sprintf("evaluation/%s", [evaluation.name]),
		"message": sprintf(
			"the claimed %s%s of %.4f cannot be compared: the rows give no value",
			[claim.metric, place(claim), claim.claimed],
		),
		"observed": null,
		"expected": claim.claimed,
	}
}

violation contains finding if {
	data.parameters.require_claims
	some evaluation in input.evaluations
	count(evaluation.claims) == 0
	finding := {
		"subject": sprintf("evaluation/%s", [evaluation.name]),
		"message": "no metric value is claimed",
		"observed": 0,
		"expected": "at least one claim",
	}
}

# The file that states it; nothing for the manifest.
place(claim) := sprintf(" in %s", [claim.source]) if {
	is_string(claim.source)
} else := ""
