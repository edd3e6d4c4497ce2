package modelgate.controls.reproducibility.environment_test

import data.modelgate.controls.reproducibility.environment

digest := "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

found(content) := result if {
	result := environment.violation with input as {"records": {"reproducibility": {
		"file": {"path": "r.yaml"}, "content": content,
	}}}
}

unlocked(observed) := {{
	"subject": "record/reproducibility", "message": "no lock file of the environment is named by its SHA-256",
	"observed": observed, "expected": "a name and a digest", "source": {"file": "r.yaml", "line": 1},
}}

test_locked if found({"environment_lock": {"name": "requirements.lock", "sha256": digest}}) == set()

test_not_locked if {
	every lock in [
		null, "requirements.lock", {"name": "requirements.lock"}, {"name": "requirements.lock", "sha256": "abc"},
	] {
		found({"environment_lock": lock}) == unlocked(lock)
	}
	found({}) == unlocked(null)
}

test_no_record if environment.violation == {{
	"subject": "record/reproducibility", "message": "the release has no such record", "observed": null,
	"expected": "a record of the kind `reproducibility`",
}} with input as {"records": {"reproducibility": null}}
