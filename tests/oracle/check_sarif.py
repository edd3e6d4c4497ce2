"""Checks SARIF reports against the published JSON Schema of SARIF 2.1.0.

    python3 tests/oracle/check_sarif.py report.sarif...

The schema (revision rtm.5) is taken from an npm package that carries it, and is refused unless it
has the digest below. Needs npm and the Python package jsonschema.
"""

import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import jsonschema

PACKAGE = "@microsoft/jest-sarif@1.0.0-beta.0"
MEMBER = "package/lib/schemas/sarif-2.1.0-rtm.5.json"
SCHEMA_SHA256 = "2d99159ae54a3eea97f81781cff48780548657c35949f4b7f25e99a2ba4de4f8"


def schema():
    with tempfile.TemporaryDirectory() as directory:
        command = ["npm", "pack", "--silent", "--pack-destination", directory, PACKAGE]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        (archive,) = Path(directory).glob("*.tgz")
        with tarfile.open(archive) as files:
            text = files.extractfile(MEMBER).read()
    digest = hashlib.sha256(text).hexdigest()
    if digest != SCHEMA_SHA256:
        sys.exit(f"the schema has the digest {digest}, not {SCHEMA_SHA256}")
    return json.loads(text)


def problems(log, validator):
    """What the schema says, and what it cannot say."""
    for error in validator.iter_errors(log):
        yield f"{'/'.join(map(str, error.absolute_path))}: {error.message[:300]}"
    for run in log["runs"]:
        rules = run["tool"]["driver"]["rules"]
        for number, result in enumerate(run["results"]):
            if rules[result["ruleIndex"]]["id"] != result["ruleId"]:
                yield f"result {number}: ruleIndex and ruleId name different rules"
            for location in result["locations"]:
                uri = urlsplit(location["physicalLocation"]["artifactLocation"]["uri"])
                if uri.scheme or uri.netloc or uri.path.startswith("/") or ".." in uri.path.split("/"):
                    yield f"result {number}: {uri.geturl()} is not below the root"


def main(paths):
    if not paths:
        sys.exit(__doc__)
    # Formats are checked too: of those, `uri` is the one that a path with odd characters breaks.
    validator = jsonschema.Draft4Validator(schema(), format_checker=jsonschema.Draft4Validator.FORMAT_CHECKER)
    failed = 0
    for path in paths:
        found = list(problems(json.loads(Path(path).read_text(encoding="utf-8")), validator))
        for problem in found:
            print(f"{path}: {problem}", file=sys.stderr)
        failed += bool(found)
    print(f"{len(paths) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
