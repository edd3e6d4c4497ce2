package modelgate.controls.intake.independent_validator_test

import data.modelgate.controls.intake.independent_validator

test_another_person if independent_validator.violation == set() with input as {"model": {"owner": "a@example.com", "validator": "b@example.com"}}

test_nobody if independent_validator.violation == {{
	"subject": "manifest", "message": "no validator is named", "observed": null, "expected": "a validator other than the owner",
}} with input as {"model": {"owner": "a@example.com"}}

test_the_owner if independent_validator.violation == {{
	"subject": "manifest", "message": "the validator ` A@example.com` is the owner",
	"observed": " A@example.com", "expected": "a validator other than the owner",
}} with input as {"model": {"owner": "a@example.com", "validator": " A@example.com"}}

test_the_owner_written_otherwise if {
	findings := independent_validator.violation
		with input as {"model": {"owner": " A@Example.com ", "validator": "a@example.com"}}
	count(findings) == 1
}
