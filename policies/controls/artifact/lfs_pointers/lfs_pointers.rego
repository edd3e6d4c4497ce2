# METADATA
# title: Every file is the file itself
# description: |-
#   A Git LFS pointer, and the `.dvc` file that stands for a file of DVC, have digests of their own. Approving them
#   approves some lines of text, and not the model.
# custom:
#   id: ART-003
#   severity: high
#   remediation: >-
#     Fetch the content before the gate runs with `git lfs pull` (or `lfs: true` in actions/checkout) or `dvc pull`, and
#     name the file itself among the artifacts.
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

violation contains finding if {
	some artifact in input.artifacts
	object.get(artifact, "dvc_pointer", false) != false
	finding := {
		"subject": sprintf("artifact/%s", [artifact.path]),
		"message": "the file is the `.dvc` file of another one, and not that file",
		"observed": artifact.size_bytes,
	}
}
