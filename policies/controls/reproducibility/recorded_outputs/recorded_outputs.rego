# METADATA
# title: The released files are those that DVC recorded
# description: |-
#   Where the release names `dvc.lock` or `.dvc` files, each released file that they record has the MD5 that they
#   say, so that the model is what the recorded pipeline made of the recorded data. Outputs that are not released
#   are not asked about.
# custom:
#   id: REP-007
#   severity: medium
#   remediation: >-
#     Run `dvc repro` (or `dvc commit`, if the file is right) and release what it leaves together with the `dvc.lock` of
#     that run; fetch what is not there with `dvc pull`.
#   waivable: true
#   frameworks: [eu-ai-act:Art.12, iso-42001:A.7.4, nist-ai-rmf:MEASURE-2.1]
package modelgate.controls.reproducibility.recorded_outputs

import data.modelgate.lib.measured

not_applicable contains "the release names no files of DVC" if input.supply_chain.dvc == null

not_applicable contains "none of the released files is among the outputs that DVC recorded" if {
	every output in input.supply_chain.dvc.outputs {
		output.result in {"not-released", "not-comparable"}
	}
}

outputs := measured.items(input.supply_chain.dvc, "outputs")

violation contains finding if {
	some output in outputs
	not output.result in {"agrees", "not-released", "not-comparable"}
	finding := {
		"subject": sprintf("artifact/%s", [output.path]),
		"message": "it is not what DVC recorded",
		"observed": output.released_md5,
		"expected": output.md5,
		"source": output.source,
	}
}
