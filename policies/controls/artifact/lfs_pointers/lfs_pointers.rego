# METADATA
# title: Every file is the file itself
# description: A Git LFS pointer has a digest of its own. Approving it approves 130 bytes of text, and not the model.
# custom:
#   id: ART-003
#   severity: high
#   remediation: "Fetch the content before the gate runs: `git lfs pull`, or `lfs: true` in actions/checkout."
#   waivable: false
#   needs: [artifacts]
#   frameworks: [nist-ai-rmf:MEASURE-2.7]
package modelgate.controls.artifact.lfs_pointers

violation contains finding if {
	some artifact in input.artifacts
	artifact.lfs_pointer
	finding := {
		"subject": sprintf("artifact/%s", [artifact.path]),
		"message": "the file is a Git LFS pointer whose content was not fetched",
		"observed": artifact.size_bytes,
	}
}
