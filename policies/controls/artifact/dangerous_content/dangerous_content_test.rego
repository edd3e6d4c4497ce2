package modelgate.controls.artifact.dangerous_content_test

import data.modelgate.controls.artifact.dangerous_content

found(artifact) := result if {
	result := dangerous_content.violation with input as {"artifacts": [object.union({"path": "m", "risks": []}, artifact)]}
		with data.parameters as {"severities": ["high"]}
}

risk(severity) := {"code": "c", "severity": severity, "message": "it is bad", "offset": 7}

test_nothing if found({}) == set()

test_a_risk_that_does_not_count if found({"risks": [risk("medium")]}) == set()

test_a_risk_that_counts if found({"risks": [risk("high")]}) == {{
	"subject": "artifact/m", "message": "it is bad (byte 7)", "observed": "c", "expected": "no such risk",
}}
