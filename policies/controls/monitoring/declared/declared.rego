# METADATA
# title: What an alert watches is declared, not guessed
# description: |-
#   An alert counts for performance, drift or fairness because its file or the manifest says so. What is only told by
#   words in its name may watch something else.
# custom:
#   id: MON-008
#   severity: low
#   remediation: >-
#     Give the alert a label or tag `modelgate_signal` with what it watches, or say it for its name under `kinds` beside the
#     file in the manifest's `monitoring`.
#   waivable: true
#   needs: [monitoring]
#   parameters:
#     accepted: {type: array, description: "How the kind of an alert may be known, of declared, manifest, name and none"}
#   frameworks: [eu-ai-act:Art.72, nist-ai-rmf:MEASURE-2.4]
package modelgate.controls.monitoring.declared

violation contains finding if {
	some signal in input.monitoring.signals
	basis := object.get(signal, "kind_basis", "none")
	not basis in data.parameters.accepted
	finding := {
		"subject": sprintf("monitoring/%s", [signal.name]),
		"message": sprintf("that the alert watches %s is known by %s alone", [signal.kind, reason(basis)]),
		"observed": basis,
		"expected": data.parameters.accepted,
		"source": signal.source,
	}
}

reason("name") := "words in its name"

reason(basis) := "nothing" if basis != "name"
