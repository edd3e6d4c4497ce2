package modelgate.lib.record_test

import data.modelgate.lib.record

with_record(value) := {"records": {"threat_model": value}}

there := {"file": {"path": "records/t.yaml"}, "author": "ann", "content": {"threats": [1]}}

test_none if {
	record.none("threat_model") with input as with_record(null)
	not record.none("threat_model") with input as with_record(there)
	not record.none("threat_model") with input as {"records": {}}
	not record.none("threat_model") with input as {}
}

test_what_is_there if {
	record.header("threat_model", "author") == "ann" with input as with_record(there)
	record.field("threat_model", "threats") == [1] with input as with_record(there)
	record.list("threat_model", "threats") == [1] with input as with_record(there)
	record.absent("threat_model") == set() with input as with_record(there)
	record.lacking("threat_model", "threats") == set() with input as with_record(there)
}

test_what_is_not_there_reads_as_nothing if {
	every facts in [{}, {"records": null}, {"records": {}}, with_record(null), with_record({"content": null})] {
		record.header("threat_model", "author") == null with input as facts
		record.field("threat_model", "threats") == null with input as facts
		record.list("threat_model", "threats") == [] with input as facts
		expected := {{
			"subject": "record/threat-model", "message": "the release has no such record", "observed": null,
			"expected": "a record of the kind `threat-model`",
		}}
		record.absent("threat_model") == expected with input as facts
		record.lacking("threat_model", "threats") == expected with input as facts
	}
}

test_what_is_no_list_is_said if {
	every other in ["none", 7, {"a": 1}] {
		facts := with_record(object.union(there, {"content": {"threats": other}}))
		record.list("threat_model", "threats") == [] with input as facts
		record.absent("threat_model") == set() with input as facts
	}
	every other in ["none", 7, null] {
		facts := with_record(object.union(there, {"content": {"threats": other}}))
		record.lacking("threat_model", "threats") == {{
			"subject": "record/threat-model", "message": "the record lists no `threats`", "observed": other,
			"expected": "a list", "source": {"file": "records/t.yaml", "line": 1},
		}} with input as facts
	}
}

test_a_finding_has_the_place_of_its_record if {
	record.about("threat_model", {"message": "m"}) == {
		"subject": "record/threat-model", "message": "m", "source": {"file": "records/t.yaml", "line": 1},
	} with input as with_record(there)
	every file in [null, {"path": null}, {"path": 7}] {
		facts := with_record(object.union(there, {"file": file}))
		bare := {"subject": "record/threat-model", "message": "m"}
		record.about("threat_model", {"message": "m"}) == bare with input as facts
	}
}

test_filled if {
	record.filled("x")
	every other in [null, 7, "", " \n"] {
		not record.filled(other)
	}
}

digest := "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

test_pinned if {
	record.pinned({"name": "train.parquet", "sha256": digest})
	every other in [
		null, {}, {"name": " ", "sha256": digest}, {"sha256": digest}, {"name": "a"}, {"name": "a", "sha256": null},
		{"name": "a", "sha256": 7}, {"name": "a", "sha256": upper(digest)},
		{"name": "a", "sha256": concat("", [digest, "0"])},
		{"name": "a", "sha256": substring(digest, 1, -1)},
		{"name": "a", "sha256": concat("", [" ", digest])},
	] {
		not record.pinned(other)
	}
}

test_id if {
	record.id({"id": "T-1"}) == "T-1"
	record.id({}) == "without an id"
}
