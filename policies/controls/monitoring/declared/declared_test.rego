package modelgate.controls.monitoring.declared_test

import data.modelgate.controls.monitoring.declared

source := {"file": "alerts.yml", "line": 3}

found(signal) := result if {
	whole := object.union({"name": "A", "kind": "performance", "source": source}, signal)
	result := declared.violation with input as {"monitoring": {"signals": [whole]}}
		with data.parameters as {"accepted": ["declared", "manifest"]}
}

complaint(message, basis) := {{
	"subject": "monitoring/A", "message": message, "observed": basis, "expected": ["declared", "manifest"], "source": source,
}}

test_declared if {
	found({"kind_basis": "declared"}) == set()
	found({"kind_basis": "manifest"}) == set()
}

test_guessed if {
	found({"kind_basis": "name"}) == complaint("that the alert watches performance is known by words in its name alone", "name")
	found({"kind_basis": "none"}) == complaint("that the alert watches performance is known by nothing alone", "none")
	found({}) == complaint("that the alert watches performance is known by nothing alone", "none")
}

test_guesses_can_be_accepted if {
	signal := {"name": "A", "kind": "performance", "kind_basis": "name", "source": source}
	findings := declared.violation with input as {"monitoring": {"signals": [signal]}}
		with data.parameters as {"accepted": ["declared", "manifest", "name"]}
	findings == set()
}
