"""Checks code quality reports against what GitLab reads of them.

    python3 tests/oracle/check_code_quality.py report.json...

Needs the Python package jsonschema. The schema beside this file says where it is from.
"""

import json
import sys
from pathlib import Path

import jsonschema

SCHEMA = json.loads(Path(__file__).with_name("code-quality.schema.json").read_text(encoding="utf-8"))


def problems(text, validator):
    """What the schema says, and what it cannot say."""
    if text.startswith("\ufeff"):
        yield "it begins with a byte order mark, for which GitLab refuses it"
        return
    issues = json.loads(text)
    for error in validator.iter_errors(issues):
        yield f"{'/'.join(map(str, error.absolute_path))}: {error.message[:300]}"
    seen = set()
    for number, issue in enumerate(issues):
        if issue["fingerprint"] in seen:
            yield f"issue {number}: its fingerprint is that of another, with which GitLab merges it"
        seen.add(issue["fingerprint"])
        if ".." in issue["location"]["path"].split("/"):
            yield f"issue {number}: {issue['location']['path']} leaves the root"
        if not Path(issue["location"]["path"]).is_file():
            yield f"issue {number}: there is no {issue['location']['path']} below the root of the repository"


def main(paths):
    if not paths:
        sys.exit(__doc__)
    validator = jsonschema.Draft202012Validator(SCHEMA)
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
