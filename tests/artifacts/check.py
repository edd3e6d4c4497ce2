#!/usr/bin/env python3
"""Asks the gate about files that must be found, or that must pass, and names those it gets wrong.

    check.py --modelgate BINARY            files of dangerous.py: each must have a risk of severity high, and the
                                           imports that make it dangerous must be told as dangerous
    check.py --modelgate BINARY --benign   files of benign.py: none may have a risk of severity medium or high,
                                           but those that benign.py says cannot be without

`--keep DIRECTORY` leaves the files there.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parent

MANIFEST = """\
version: 1
model: {name: corpus, version: '1', owner: o, task: binary-classification, purpose: files to be looked into}
intake:
  exposure: internal
  decision_role: informs
  domain: other
  autonomy: human-in-the-loop
  data_classes: [public]
  jurisdictions: [EU]
  people_affected_per_year: 1
artifacts: [{path: files/**}]
"""


def facts(binary, release):
    (release / "modelgate.yaml").write_text(MANIFEST)
    run = subprocess.run([binary, "facts", release], capture_output=True, text=True)
    if run.returncode != 0:
        sys.exit(f"modelgate facts ended with {run.returncode}: {run.stderr}")
    return {artifact["path"].removeprefix("files/"): artifact for artifact in json.loads(run.stdout)["artifacts"]}


def dangerous(found, expected):
    """What the gate did not find, as (file, what, technique, source)."""
    for case in expected:
        artifact = found[case["file"]]
        described = (case["technique"], case["source"])
        if not any(risk["severity"] == "high" for risk in artifact["risks"]):
            yield case["file"], "no risk of severity high", *described
        imports = (artifact["pickle"] or {"imports": []})["imports"]
        told = {f"{each['module']}.{each['name']}" for each in imports if each["verdict"] == "dangerous"}
        for name in sorted(set(case["imports"]) - told):
            yield case["file"], f"{name} is not told as dangerous", *described


def benign(found, expected):
    """What the gate says of files that nothing is wrong with."""
    excused = {case["file"]: case.get("risks", []) for case in expected}
    for file, artifact in sorted(found.items()):
        if file not in excused:
            yield file, "is not in the list", "", ""
        codes = {risk["code"] for risk in artifact["risks"] if risk["severity"] != "low"}
        for risk in artifact["risks"]:
            if risk["severity"] != "low" and risk["code"] not in excused.get(file, []):
                yield file, risk["message"], risk["severity"], artifact["format"]
        # A file that is excused and needs it no longer is found here.
        for code in set(excused.get(file, [])) - codes:
            yield file, f"has no risk {code} any more", "", ""


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--modelgate", required=True, help="the binary")
    arguments.add_argument("--benign", action="store_true", help="check the files that must pass")
    arguments.add_argument("--keep", type=Path, help="where to leave the files")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        release = given.keep or Path(temporary)
        files = release / "files"
        script, compare = (HERE / "benign.py", benign) if given.benign else (HERE / "dangerous.py", dangerous)
        subprocess.run([sys.executable, script, files], check=True)
        expected = json.loads((files / "expected.json").read_text())
        (files / "expected.json").unlink()
        found = facts(given.modelgate, release)
        assert len(found) >= len(expected) > 100, (len(found), len(expected))
        wrong = list(compare(found, expected))
    for line in wrong:
        print(": ".join(part for part in line if part))
    failed = {line[0] for line in wrong}
    formats = ", ".join(f"{count} {name}" for name, count in Counter(artifact["format"] for artifact in found.values()).most_common())
    print(f"{len(found)} files: {formats}")
    print(f"{len(found) - len(failed)} passed, {len(failed)} failed")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
