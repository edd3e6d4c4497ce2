# METADATA
# title: The training data is named by digest
# description: |-
#   A path says where data was, a digest which. The record `reproducibility` lists at least one file of
#   training data, each with a name and its SHA-256.
# custom:
#   id: REP-002
#   severity: medium
#   remediation: >-
#     List every file of training data under `data` with the output of `sha256sum`; let the job that
#     trains write it.
#   waivable: true
#   frameworks: [eu-ai-act:Art.10, iso-42001:A.7.4, nist-ai-rmf:MEASURE-2.1]
package modelgate.controls.reproducibility.training_data

import data.modelgate.lib.record

gaps := record.lacking("reproducibility", "data")

files := record.list("reproducibility", "data")

violation contains finding if some finding in gaps

violation contains record.about("reproducibility", problem) if {
	count(gaps) == 0
	count(files) == 0
	problem := {"message": "no training data is listed", "observed": 0, "expected": "at least one file"}
}

violation contains record.about("reproducibility", problem) if {
	some index, file in files
	not record.pinned(file)
	problem := {
		"message": sprintf("file %d of the training data is not named by its SHA-256", [index + 1]),
		"observed": file,
		"expected": "a name and a digest",
	}
}
