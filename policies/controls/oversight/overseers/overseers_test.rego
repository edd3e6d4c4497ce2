package modelgate.controls.oversight.overseers_test

import data.modelgate.controls.oversight.overseers

overseer(changes) := object.union({"role": "officer", "powers": ["override", "stop"], "training": "a course"}, changes)

found(list) := result if {
	result := overseers.violation with input as {"records": {"human_oversight": {
		"file": {"path": "h.yaml"}, "content": {"overseers": list},
	}}}
		with data.parameters as {"powers": ["override", "stop"]}
}

at(problem) := object.union({"subject": "record/human-oversight", "source": {"file": "h.yaml", "line": 1}}, problem)

powerless(power, held) := at({
	"message": sprintf("no overseer has the power to %s", [power]), "observed": held, "expected": power,
})

test_powers if {
	found([overseer({})]) == set()
	found([overseer({"powers": ["override"]}), overseer({"powers": ["monitor", "stop"]})]) == set()
}

test_a_power_is_missing if {
	found([overseer({"powers": ["override", "monitor"]})]) == {powerless("stop", ["monitor", "override"])}
	found([overseer({"powers": ["stop"]})]) == {powerless("override", ["stop"])}
}

test_nobody_has_any_power if {
	expected := {powerless("stop", []), powerless("override", [])}
	found([]) == expected
	found([overseer({"powers": []})]) == expected
	found([overseer({"powers": null})]) == expected
	found([overseer({"powers": {"a": "stop", "b": "override"}})]) == expected
	found([object.remove(overseer({}), ["powers"])]) == expected
}

test_not_trained if {
	every training in [null, " ", 7] {
		found([overseer({"training": training})]) == {at({
			"message": "how the officer is trained is not said", "observed": training, "expected": "its training",
		})}
	}
	found([object.remove(overseer({}), ["training", "role"])]) == {at({
		"message": "how the overseer is trained is not said", "observed": null, "expected": "its training",
	})}
}

test_no_record if {
	overseers.violation == {{
		"subject": "record/human-oversight", "message": "the release has no such record", "observed": null,
		"expected": "a record of the kind `human-oversight`",
	}} with input as {} with data.parameters as {"powers": ["stop"]}
	found("us") == {at({"message": "the record lists no `overseers`", "observed": "us", "expected": "a list"})}
}
