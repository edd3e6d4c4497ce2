package modelgate.controls.artifact.lfs_pointers_test

import data.modelgate.controls.artifact.lfs_pointers

found(pointer) := result if {
	result := lfs_pointers.violation with input as {"artifacts": [{"path": "m", "lfs_pointer": pointer, "size_bytes": 130}]}
}

test_a_file if found(false) == set()

test_a_pointer if found(true) == {{
	"subject": "artifact/m", "message": "the file is a Git LFS pointer whose content was not fetched", "observed": 130,
}}
