package modelgate.controls.reproducibility.second_training_test

import data.modelgate.controls.reproducibility.second_training

found(content, required) := result if {
	result := second_training.violation with input as {"records": {"reproducibility": {
		"file": {"path": "r.yaml"}, "content": content,
	}}}
		with data.parameters as {"require_reproduced": required}
}

at(problem) := {object.union({"subject": "record/reproducibility", "source": {"file": "r.yaml", "line": 1}}, problem)}

test_the_same if {
	found({"seed": 0, "reproduced": true}, true) == set()
	found({"seed": 7, "reproduced": true}, false) == set()
	found({"seed": 7, "reproduced": null}, false) == set()
	found({"seed": 7}, false) == set()
}

test_no_seed if {
	every seed in [null, "7"] {
		found({"seed": seed, "reproduced": true}, true) == at({
			"message": "no seed of the random numbers is recorded", "observed": seed, "expected": "a seed",
		})
	}
	count(found({"reproduced": true}, true)) == 1
}

test_nobody_tried if {
	every reproduced in [null, "yes"] {
		found({"seed": 7, "reproduced": reproduced}, true) == at({
			"message": "no second training is recorded", "observed": reproduced, "expected": true,
		})
	}
	count(found({"seed": 7}, true)) == 1
	count(found({"seed": 7, "reproduced": "yes"}, false)) == 1
}

test_something_else if {
	every required in [true, false] {
		found({"seed": 7, "reproduced": false}, required) == at({
			"message": "a second training came to something else", "observed": false, "expected": true,
		})
	}
}

test_no_record if {
	second_training.violation == {{
		"subject": "record/reproducibility", "message": "the release has no such record", "observed": null,
		"expected": "a record of the kind `reproducibility`",
	}} with input as {} with data.parameters as {"require_reproduced": true}
}
