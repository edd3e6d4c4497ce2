"""Checks bills of materials against the published JSON Schema of CycloneDX 1.6.

    python3 tests/oracle/check_bom.py bom.cdx.json...

The schema, with those of licences and signatures that it refers to, is the one that the reference library of CycloneDX
for Python carries. Its validator is the strict one, which refuses properties that the standard does not have.
"""

import json
import sys
from pathlib import Path

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator


def problems(text, validator):
    """What the schema says, and what it cannot say."""
    error = validator.validate_str(text)
    if error is not None:
        yield f"{'/'.join(map(str, error.data.absolute_path))}: {error.data.message[:300]}"
        return
    bill = json.loads(text)
    components = [bill["metadata"]["component"], *bill["components"]]
    references = [component["bom-ref"] for component in components]
    for reference in references:
        if references.count(reference) > 1:
            yield f"the reference {reference} names several components"
    named = [data["ref"] for data in components[0]["modelCard"]["modelParameters"]["datasets"] if "ref" in data]
    named += [reference for entry in bill["dependencies"] for reference in [entry["ref"], *entry["dependsOn"]]]
    for reference in named:
        if reference not in references:
            yield f"the reference {reference} names nothing"


def main(paths):
    if not paths:
        sys.exit(__doc__)
    validator = JsonStrictValidator(SchemaVersion.V1_6)
    failed = 0
    for path in paths:
        found = list(problems(Path(path).read_text(encoding="utf-8"), validator))
        for problem in found:
            print(f"{path}: {problem}", file=sys.stderr)
        failed += bool(found)
    print(f"{len(paths) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
