# METADATA
# title: A bill of materials lists what the model is made of
# description: |-
#   Whether a weakness or a licence concerns the model can only be answered if its parts are known: base
#   models, data sets and software. The bill lists at least one component, and each model, data set and program
#   in it with its version and licence, those apart that it says are not released. Released files that it lists
#   have the SHA-256 that it says: a bill of other files says nothing about these.
# custom:
#   id: ART-008
#   severity: medium
#   remediation: >-
#     Release a bill of materials with the model (CycloneDX with its machine-learning components, or SPDX 3 with the AI
#     profile), and give each component the version that was used and its SPDX licence expression. Write it after the
#     files that it lists: `modelgate sbom` writes one of the released files.
#   waivable: true
#   parameters:
#     required: {type: boolean, description: Whether a release without a bill of materials fails; else it is not judged}
#   frameworks: [eu-ai-act:Art.11, iso-42001:A.6.2.7, nist-ai-rmf:MEASURE-2.7]
package modelgate.controls.artifact.bill_of_materials

import data.modelgate.lib.measured

was_read if is_object(input.supply_chain.bill_of_materials)

not_applicable contains "no bill of materials was read" if {
	not data.parameters.required
	not was_read
}

violation contains finding if {
	not was_read
	finding := {
		"subject": "release",
		"message": "no bill of materials was read",
		"observed": null,
		"expected": "a bill of materials",
	}
}

violation contains finding if {
	was_read
	count(measured.items(input.supply_chain.bill_of_materials, "components")) == 0
	finding := {
		"subject": "bill-of-materials",
		"message": "the bill of materials lists no component",
		"observed": 0,
		"expected": "at least one component",
	}
}

violation contains finding if {
	some component in measured.items(input.supply_chain.bill_of_materials, "components")
	not component.excluded == true
	not component.kind == "other"
	some part, value in {
		"version": object.get(component, "version", null),
		"licence": object.get(component, "licence", null),
	}
	not measured.stated(value)
	finding := {
		"subject": sprintf("bill-of-materials/%s", [component.name]),
		"message": sprintf("the component has no %s", [part]),
		"observed": value,
		"expected": part,
		"source": source,
	}
}

violation contains finding if {
	some mismatch in measured.items(input.supply_chain.bill_of_materials, "mismatches")
	finding := {
		"subject": sprintf("artifact/%s", [mismatch.path]),
		"message": sprintf("the bill of materials lists `%s` %s", [mismatch.listed_as, described(mismatch.listed)]),
		"observed": mismatch.actual,
		"expected": mismatch.listed,
		"source": source,
	}
}

described(null) := "without its SHA-256, so that nothing can be compared"

described(listed) := "with another digest" if listed != null

source := {"file": input.supply_chain.bill_of_materials.file.path, "line": 1}
