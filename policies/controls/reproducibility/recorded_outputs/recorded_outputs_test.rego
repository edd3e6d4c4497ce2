package modelgate.controls.reproducibility.recorded_outputs_test

import data.modelgate.controls.reproducibility.recorded_outputs

found(outputs) := result if {
	result := recorded_outputs.violation with input as {"supply_chain": {"dvc": {"outputs": outputs}}}
}

output(result) := {
	"path": "m.pkl", "md5": "aa", "released_md5": "bb", "result": result, "source": {"file": "dvc.lock", "line": 7},
}

test_recorded if found([output("agrees"), output("not-released"), output("not-comparable")]) == set()

test_something_else if {
	every result in ["differs", "another", null] {
		findings := found([output("agrees"), output(result)])
		findings == {{
			"subject": "artifact/m.pkl", "message": "it is not what DVC recorded", "observed": "bb", "expected": "aa",
			"source": {"file": "dvc.lock", "line": 7},
		}}
	}
}

applies(dvc) := result if {
	result := recorded_outputs.not_applicable with input as {"supply_chain": {"dvc": dvc}}
}

test_it_applies_where_something_was_compared if {
	applies(null) == {"the release names no files of DVC"}
	every outputs in [[], [output("not-released"), output("not-comparable")]] {
		applies({"outputs": outputs}) == {"none of the released files is among the outputs that DVC recorded"}
	}
	every result in ["agrees", "differs", null] {
		applies({"outputs": [output("not-released"), output(result)]}) == set()
	}
	applies({"outputs": null}) == set()
}
