# METADATA
# title: Records
# description: |-
#   Records by the names that they have in the facts, such as `threat_model`. What is not there or of
#   another shape is a finding of `lacking`, and reads as nothing.
package modelgate.lib.record

# Whether the facts say that the release has no such record.
none(kind) if input.records[kind] == null

header(kind, name) := object.get(input, ["records", kind, name], null)

field(kind, name) := object.get(input, ["records", kind, "content", name], null)

list(kind, name) := items if {
	items := field(kind, name)
	is_array(items)
}

list(kind, name) := [] if not is_array(field(kind, name))

# The finding that `problem` is, as one about the record.
about(kind, problem) := object.union_n([{"subject": subject(kind)}, problem, place(kind)])

# That there is no record, or that it does not list what its key `name` is there for.
lacking(kind, name) := absent(kind) | {about(kind, problem) |
	is_object(header(kind, "content"))
	not is_array(field(kind, name))
	problem := {
		"message": sprintf("the record lists no `%s`", [name]),
		"observed": field(kind, name),
		"expected": "a list",
	}
}

absent(kind) := {{
	"subject": subject(kind),
	"message": "the release has no such record",
	"observed": null,
	"expected": sprintf("a record of the kind `%s`", [written(kind)]),
}} if {
	not is_object(header(kind, "content"))
}

absent(kind) := set() if is_object(header(kind, "content"))

subject(kind) := sprintf("record/%s", [written(kind)])

# As record files name the kind.
written(kind) := replace(kind, "_", "-")

place(kind) := {"source": {"file": path, "line": 1}} if {
	path := object.get(input, ["records", kind, "file", "path"], null)
	is_string(path)
}

place(kind) := {} if not is_string(object.get(input, ["records", kind, "file", "path"], null))

# Whether a person wrote something there.
filled(text) if {
	is_string(text)
	trim_space(text) != ""
}

# Whether the file is named by its digest.
pinned(file) if {
	filled(file.name)
	is_string(file.sha256)
	regex.match(`^[0-9a-f]{64}$`, file.sha256)
}

# What findings call the item of a record.
id(item) := object.get(item, "id", "without an id")
