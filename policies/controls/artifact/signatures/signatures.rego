# METADATA
# title: A trusted signature covers every model file
# description: |-
#   A digest says that a file has not changed, a signature says whose it is. Each artifact with the role of a
#   model is among the files of a signature that was verified. A signature that does not fit the files it
#   names is a finding in any case.
# custom:
#   id: ART-006
#   severity: high
#   remediation: >-
#     Sign the model where it is built (for instance an OpenSSF model signature, `model.sig`), release the signature
#     with it, and have the signer's key or identity added to those that are trusted.
#   waivable: true
#   needs: [artifacts]
#   parameters:
#     required: {type: boolean, description: Whether a release without signatures fails; else it is not judged}
#   frameworks: [eu-ai-act:Art.15, nist-ai-rmf:MEASURE-2.7]
package modelgate.controls.artifact.signatures

import data.modelgate.lib.measured

were_read if is_array(input.supply_chain.signatures)

not_applicable contains "no signature over the released files was read" if {
	not data.parameters.required
	not were_read
}

violation contains finding if {
	not were_read
	finding := {
		"subject": "release",
		"message": "no signature over the released files was read",
		"observed": null,
		"expected": "a verified signature",
	}
}

violation contains finding if {
	were_read
	verified := {path |
		some signature in input.supply_chain.signatures
		signature.status == "verified"
		some path in measured.items(signature, "covers")
	}
	some finding in measured.uncovered(input.artifacts, verified, "a verified signature")
}

violation contains finding if {
	were_read
	some signature in input.supply_chain.signatures
	not signature.status in {"verified", "untrusted"}
	finding := {
		"subject": sprintf("signature/%s", [signature.file.path]),
		"message": sprintf("the signature does not hold: %v", [signature.reason]),
		"observed": signature.status,
		"expected": "verified",
		"source": {"file": signature.file.path, "line": 1},
	}
}
