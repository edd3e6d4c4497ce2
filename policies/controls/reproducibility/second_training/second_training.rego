# METADATA
# title: A second training comes to the same model
# description: |-
#   The record `reproducibility` gives the seed of the random numbers, and no second training came to
#   something else. With `require_reproduced`, somebody has trained a second time; without, nobody need have.
# custom:
#   id: REP-004
#   severity: medium
#   remediation: >-
#     Set the seed of every random number generator and record it, train a second time from the recorded
#     commit, data and environment, and compare the files.
#   waivable: true
#   parameters:
#     require_reproduced: {type: boolean, description: Whether a second training is asked for}
#   frameworks: [eu-ai-act:Art.15, nist-ai-rmf:MEASURE-2.5]
package modelgate.controls.reproducibility.second_training

import data.modelgate.lib.record

acceptable := {true} if data.parameters.require_reproduced

acceptable := {true, null} if not data.parameters.require_reproduced

violation contains finding if some finding in record.absent("reproducibility")

violation contains record.about("reproducibility", problem) if {
	count(record.absent("reproducibility")) == 0
	seed := record.field("reproducibility", "seed")
	not is_number(seed)
	problem := {"message": "no seed of the random numbers is recorded", "observed": seed, "expected": "a seed"}
}

violation contains record.about("reproducibility", problem) if {
	count(record.absent("reproducibility")) == 0
	reproduced := record.field("reproducibility", "reproduced")
	not reproduced in acceptable
	problem := {"message": described(reproduced), "observed": reproduced, "expected": true}
}

described(false) := "a second training came to something else"

described(reproduced) := "no second training is recorded" if reproduced != false
