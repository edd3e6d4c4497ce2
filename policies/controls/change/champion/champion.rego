# METADATA
# title: The change says what it replaces
# description: Every change but the first names the version that is in use, which is not its own.
# custom:
#   id: CHG-003
#   severity: low
#   remediation: Name the version now in use as `change.champion_version`, or set `change.kind` to `initial` for a first release.
#   waivable: true
#   needs: [change]
#   frameworks: [eu-ai-act:Annex-IV.6, nist-ai-rmf:MANAGE-4.1]
package modelgate.controls.change.champion

violation contains finding if {
	input.change.kind != "initial"
	not is_string(input.change.champion_version)
	finding := {
		"subject": "manifest", "message": "the version in use is not named", "observed": null, "expected": "`change.champion_version`",
	}
}

violation contains finding if {
	input.change.kind == "initial"
	is_string(input.change.champion_version)
	finding := {
		"subject": "manifest",
		"message": sprintf("a first release replaces nothing, yet it names the version %s", [input.change.champion_version]),
		"observed": input.change.champion_version,
		"expected": null,
	}
}

violation contains finding if {
	input.change.champion_version == input.model.version
	finding := {
		"subject": "manifest",
		"message": sprintf("the version in use is this release's own, %s", [input.model.version]),
		"observed": input.change.champion_version,
		"expected": "another version",
	}
}
