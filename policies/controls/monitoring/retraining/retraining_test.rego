package modelgate.controls.monitoring.retraining_test

import data.modelgate.controls.monitoring.retraining

release(monitoring) := {"monitoring": object.union({"files": [{"path": "alerts.yml"}]}, monitoring)}

found(triggers) := result if {
	result := retraining.violation with input as release({"retraining_triggers": triggers})
		with data.parameters as {"required": false}
}

complaint(message, observed) := {{
	"subject": "monitoring", "message": message, "observed": observed, "expected": "a retraining trigger",
}}

test_declared if {
	found([{"condition": "CreditAucDrop"}]) == set()
	found([{"condition": ""}, {"condition": "every quarter"}]) == set()
}

test_none_is_declared if {
	every triggers in [[], [{"condition": " "}], [{"condition": null}], [{}]] {
		found(triggers) == complaint("no retraining trigger is declared", triggers)
	}
}

test_not_known if {
	every monitoring in [{}, {"retraining_triggers": null}, {"retraining_triggers": "monthly"}] {
		findings := retraining.violation with input as release(monitoring)
			with data.parameters as {"required": true}
		findings == complaint("no configuration that was read can say what leads to retraining", null)
		reasons := retraining.not_applicable with input as release(monitoring)
			with data.parameters as {"required": false}
		reasons == {"no configuration that was read can say what leads to retraining"}
	}
}

test_it_applies_where_triggers_are_required_or_known if {
	retraining.not_applicable == set() with input as release({}) with data.parameters as {"required": true}
	retraining.not_applicable == set() with input as release({"retraining_triggers": []})
		with data.parameters as {"required": false}
	retraining.not_applicable == set() with input as release({"files": []})
		with data.parameters as {"required": false}
}
