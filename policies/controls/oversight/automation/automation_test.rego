package modelgate.controls.oversight.automation_test

import data.modelgate.controls.oversight.automation

found(list) := result if {
	result := automation.violation with input as {"records": {"human_oversight": {
		"file": {"path": "h.yaml"}, "content": {"overseers": list},
	}}}
}

unwatched := {{
	"subject": "record/human-oversight", "message": "nobody both watches what the model decides by itself and may stop it",
	"observed": null, "expected": "an overseer with the powers monitor and stop", "source": {"file": "h.yaml", "line": 1},
}}

test_watched if found([{"role": "a", "powers": []}, {"role": "b", "powers": ["stop", "override", "monitor"]}]) == set()

test_not_watched if {
	found([]) == unwatched
	every powers in [["monitor"], ["stop"], null, {"a": "monitor", "b": "stop"}] {
		found([{"role": "a", "powers": powers}]) == unwatched
	}
	found([{"role": "a"}]) == unwatched
	found([{"role": "a", "powers": ["monitor"]}, {"role": "b", "powers": ["stop"]}]) == unwatched
}

test_no_record if automation.violation == {{
	"subject": "record/human-oversight", "message": "the release has no such record", "observed": null,
	"expected": "a record of the kind `human-oversight`",
}} with input as {"records": {"human_oversight": null}}

applies(domain, autonomy) := result if {
	result := automation.not_applicable with input as {"intake": {"domain": domain, "autonomy": autonomy}}
}

test_it_applies_to_what_runs_by_itself_with_consequences if {
	every autonomy in ["human-in-the-loop", "human-on-the-loop"] {
		applies("credit", autonomy) == {"a person sees decisions before or while they take effect"}
	}
	applies("marketing", "fully-automated") == {"its field has no such consequences for people"}
	applies("credit", "fully-automated") == set()
	applies("safety-component", "fully-automated") == set()
	applies(null, null) == set()
}
