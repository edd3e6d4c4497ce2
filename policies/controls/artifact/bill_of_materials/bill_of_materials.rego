# METADATA
# title: A bill of materials lists what the model is made of
# description: |-
#   Whether a weakness or a licence concerns the model can only be answered if its parts are known: base
#   models, data sets and software. The bill lists at least one component, and each with its version and licence.
# custom:
#   id: ART-008
#   severity: medium
#   remediation: >-
#     Release a bill of materials with the model (CycloneDX with its machine-learning components, or SPDX 3 with the AI
#     profile), and give each component the version that was used and its SPDX licence expression.
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

source := {"file": input.supply_chain.bill_of_materials.file.path, "line": 1}
