package modelgate.controls.validation.claims_test

import data.modelgate.controls.validation.claims

found(list, required) := result if {
	result := claims.violation with input as {"evaluations": [{"name": "holdout", "claims": list}]}
		with data.parameters as {"require_claims": required}
}

claim(result, recomputed) := {"metric": "roc_auc", "claimed": 0.9, "recomputed": recomputed, "result": result}

test_confirmed if found([claim("confirmed", 0.9)], true) == set()

test_contradicted if found([claim("contradicted", 0.76234)], true) == {{
	"subject": "evaluation/holdout", "message": "the claimed roc_auc is 0.9000; the rows give 0.7623",
	"observed": 0.76234, "expected": 0.9,
}}

test_nothing_to_compare_with if found([claim("unverifiable", null)], true) == {{
	"subject": "evaluation/holdout", "message": "the claimed roc_auc of 0.9000 cannot be compared: the rows give no value",
	"observed": null, "expected": 0.9,
}}

test_the_file_is_named if {
	every result in ["contradicted", "unverifiable"] {
		findings := found([object.union(claim(result, 0.5), {"source": "metrics.json"})], true)
		every finding in findings {
			contains(finding.message, "the claimed roc_auc in metrics.json ")
		}
		count(findings) == 1
		elsewhere := found([object.union(claim(result, 0.5), {"source": null})], true)
		every finding in elsewhere {
			not contains(finding.message, " in ")
		}
	}
}

test_no_claims if {
	found([], false) == set()
	found([], true) == {{
		"subject": "evaluation/holdout", "message": "no metric value is claimed", "observed": 0, "expected": "at least one claim",
	}}
}
