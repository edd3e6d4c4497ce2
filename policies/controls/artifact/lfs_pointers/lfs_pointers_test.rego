package modelgate.controls.artifact.lfs_pointers_test

import data.modelgate.controls.artifact.lfs_pointers

found(pointer) := result if {
	result := lfs_pointers.violation with input as {"artifacts": [{"path": "m", "lfs_pointer": pointer, "size_bytes": 130}]}
}

test_a_file if found(false) == set()

test_a_pointer if found(true) == {{
	"subject": "artifact/m", "message": "the file is a Git LFS pointer whose content was not fetched", "observed": 130,
}}

test_a_file_of_dvc if {
	every pointer in [true, null] {
		findings := lfs_pointers.violation with input as {"artifacts": [{
			"path": "m.dvc", "lfs_pointer": false, "dvc_pointer": pointer, "size_bytes": 90,
		}]}
		findings == {{
			"subject": "artifact/m.dvc", "message": "the file is the `.dvc` file of another one, and not that file",
			"observed": 90,
		}}
	}
	lfs_pointers.violation == set() with input as {"artifacts": [{
		"path": "m", "lfs_pointer": false, "dvc_pointer": false, "size_bytes": 90,
	}]}
}
