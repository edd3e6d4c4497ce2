package modelgate.controls.intake.contacts_test

import data.modelgate.controls.intake.contacts

found(model) := result if {
	result := contacts.violation with input as {"model": model}
}

unreachable(role, observed) := {{
	"subject": "manifest", "message": sprintf("the %s cannot be reached", [role]), "observed": observed,
	"expected": "an e-mail address or a handle such as `@team`",
}}

test_reachable if {
	every contact in ["a@example.com", "a.b+c@mail.example.com", "@team", "@example/credit-models", "@a.b_c-d"] {
		found({"owner": contact}) == set()
		found({"owner": "a@example.com", "validator": contact}) == set()
	}
	found({"owner": "a@example.com", "validator": null}) == set()
}

test_unreachable if {
	every other in [
		"", "Ann", "credit models", "a@example", "@", "@-", "a@b@example.com", "a b@example.com", "a@example.",
		"a@example.com b@example.com", "@team/", "the @team", 7,
	] {
		found({"owner": other}) == unreachable("owner", other)
		found({"owner": "@team", "validator": other}) == unreachable("validator", other)
	}
	found({"owner": null}) == unreachable("owner", null)
	found({}) == unreachable("owner", null)
}
