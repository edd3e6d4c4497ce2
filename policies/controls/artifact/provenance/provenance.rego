# METADATA
# title: Verified provenance says what every model file was built from
# description: |-
#   The provenance's signature holds, it covers each artifact with the role of a model, and it names the commit
#   that the gate runs on; the commit is compared where both are known.
# custom:
#   id: ART-007
#   severity: high
#   remediation: >-
#     Build the model in a job that attests its provenance (such as SLSA provenance of the training job), release the
#     attestation with it, and run the gate on the commit that it was built from.
#   waivable: true
#   needs: [artifacts]
#   parameters:
#     required: {type: boolean, description: Whether a release without provenance fails; else it is not judged}
#   frameworks: [eu-ai-act:Art.12, nist-ai-rmf:MEASURE-2.7]
package modelgate.controls.artifact.provenance

import data.modelgate.lib.measured

was_read if is_object(input.supply_chain.provenance)

not_applicable contains "no provenance of the released files was read" if {
	not data.parameters.required
	not was_read
}

violation contains finding if {
	not was_read
	finding := {
		"subject": "release",
		"message": "no provenance of the released files was read",
		"observed": null,
		"expected": "verified provenance",
	}
}

violation contains finding if {
	was_read
	not input.supply_chain.provenance.verified == true
	finding := {
		"subject": "provenance",
		"message": "the signature of the provenance was not verified",
		"observed": object.get(input.supply_chain.provenance, "verified", null),
		"expected": true,
		"source": source,
	}
}

violation contains finding if {
	was_read
	paths := {path | some path in measured.items(input.supply_chain.provenance, "covers")}
	some finding in measured.uncovered(input.artifacts, paths, "the provenance")
}

violation contains finding if {
	built := input.supply_chain.provenance.commit
	released := input.repository.commit
	is_string(built)
	is_string(released)
	built != released
	finding := {
		"subject": "provenance",
		"message": sprintf("the model was built from the commit %s, and %s is released", [built, released]),
		"observed": built,
		"expected": released,
		"source": source,
	}
}

source := {"file": input.supply_chain.provenance.file.path, "line": 1}
