# METADATA
# title: The environment that trained the model is locked
# description: |-
#   Another version of a library is another model. The record `reproducibility` names the lock file of the
#   training environment and its SHA-256.
# custom:
#   id: REP-003
#   severity: medium
#   remediation: >-
#     Pin every package with its version in a lock file, train from it, and write its name and SHA-256
#     under `environment_lock`.
#   waivable: true
#   frameworks: [eu-ai-act:Art.12, nist-ai-rmf:MEASURE-2.1]
package modelgate.controls.reproducibility.environment

import data.modelgate.lib.record

violation contains finding if some finding in record.absent("reproducibility")

violation contains record.about("reproducibility", problem) if {
	count(record.absent("reproducibility")) == 0
	lock := record.field("reproducibility", "environment_lock")
	not record.pinned(lock)
	problem := {
		"message": "no lock file of the environment is named by its SHA-256",
		"observed": lock,
		"expected": "a name and a digest",
	}
}
