#!/usr/bin/env python3
"""Runs the job of the GitLab component as a runner would: run_component.py BINARY

Inputs are put in as GitLab does, both documents are held to GitLab's schema (the copy in check-jsonschema), and the script
is run by `sh -e` with the job's variables.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
HEADER, BODY = (ROOT / "docs/ci/gitlab/templates/modelgate/template.yml").read_text().split("\n---\n")
INPUTS = yaml.safe_load(HEADER)["spec"]["inputs"]
CHECKS = []


def check(name, found, expected):
    CHECKS.append(found == expected)
    if found != expected:
        print(f"FAILED: {name}: expected {expected!r}, found {found!r}")


def included(inputs):
    """The configuration that an include with these inputs gives."""
    assert not set(inputs) - set(INPUTS), inputs
    values = {name: inputs.get(name, declared.get("default")) for name, declared in INPUTS.items()}
    for name, value in values.items():
        if value not in INPUTS[name].get("options", [value]):
            raise ValueError(f"{value} is no option of {name}")
    # Within quotes of YAML, as the template has them: GitLab puts the text in as it stands.
    written = {name: json.dumps(value) if isinstance(value, bool) else value for name, value in values.items()}
    return yaml.safe_load(re.sub(r"\$\[\[ inputs\.([a-z-]+) \]\]", lambda found: written[found[1]], BODY))


def is_valid(document, directory):
    file = directory / ".gitlab-ci.yml"
    file.write_text(yaml.safe_dump(document))
    command = [Path(sys.executable).with_name("check-jsonschema"), "--builtin-schema", "vendor.gitlab-ci", file]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        print(done.stdout + done.stderr)
    return done.returncode == 0


def run_job(repository, binary, key, inputs):
    """Runs the only job: its exit code, what it printed, and the variables that it gives to later jobs."""
    [job] = included(inputs).values()
    variables = {
        "CI": "true", "GITLAB_CI": "true", "CI_PIPELINE_ID": "42", "CI_COMMIT_REF_NAME": "main",
        "HOME": str(repository.parent), "PATH": f"{binary.parent}:{os.environ['PATH']}", **job["variables"],
    }
    if key:
        variables["MODELGATE_SIGNING_KEY"] = key
    subprocess.run(["git", "clean", *job["variables"]["GIT_CLEAN_FLAGS"].split()], cwd=repository, check=True, capture_output=True)
    script = "\n".join(job["script"])
    done = subprocess.run(["sh", "-e", "-c", script], cwd=repository, env=variables, capture_output=True, text=True, timeout=300)
    file = repository / job["artifacts"]["reports"]["dotenv"]
    dotenv = dict(line.split("=", 1) for line in file.read_text().splitlines()) if file.exists() else {}
    assert all(re.fullmatch("[A-Za-z0-9_]+", name) for name in dotenv), dotenv
    return done.returncode, done.stdout + done.stderr, dotenv


def jobs(binary, repository, work):
    subprocess.run([binary, "keygen", work / "key.pem"], check=True, capture_output=True)
    pem = (work / "key.pem").read_text()

    def run(release, key=pem, **inputs):
        inputs = {name.replace("_", "-"): value for name, value in inputs.items()}
        status, printed, dotenv = run_job(repository, binary, key, {"release": f"credit-scoring/{release}", **inputs})
        check(f"{release} {inputs}: the key is not shown", pem.splitlines()[1] in printed, False)
        digest = dotenv.pop("MODELGATE_DECISION_DIGEST", "0" * 64)
        check(f"{release} {inputs}: digest", bool(re.fullmatch("[0-9a-f]{64}", digest)), True)
        return status, dotenv

    decided = lambda code, decision: {"MODELGATE_EXIT_CODE": code, "MODELGATE_DECISION": decision}
    check("approved", run("approved"), (0, decided("0", "approve")))
    files = ["modelgate-report.json", "modelgate-junit.xml", "modelgate-evidence", "modelgate.env"]
    check("approved: files", [name for name in files if not (repository / name).exists()], [])
    report = json.loads((repository / "modelgate-report.json").read_text())
    check("approved: digest", report["evidence"]["recorded"]["decision_sha256"] in (repository / "modelgate.env").read_text(), True)
    check("approved, key in a file", run("approved", key=str(work / "key.pem")), (0, decided("0", "approve")))
    check("conditional", run("conditional"), (0, decided("0", "conditional")))
    check("conditional, fail on condition", run("conditional", fail_on="condition"), (1, decided("1", "conditional")))
    check("denied", run("denied"), (1, decided("1", "deny")))
    check("report only", run("denied", mode="report"), (0, decided("1", "deny")))
    check("no key", run("approved", key=None), (4, decided("4", "approve")))
    check("a key for the job", run("approved", key=None, ephemeral_key=True), (0, decided("0", "approve")))
    check("no manifest", run("nowhere", mode="report"), (2, {"MODELGATE_EXIT_CODE": "2"}))
    check("hostile inputs", run("$(touch pwned); touch pwned", policies="`touch pwned`")[0], 2)
    check("hostile inputs: nothing ran", list(repository.rglob("pwned")), [])


def main():
    binary = Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as directory:
        work = Path(directory)
        check("the header is what GitLab takes", is_valid(yaml.safe_load(HEADER), work), True)
        check("the job is what GitLab takes", is_valid(included({}), work), True)
        broken = included({})
        broken["modelgate"]["artifacts"]["when"] = "often"
        check("the schema finds what is wrong", is_valid(broken, work), False)
        try:
            included({"mode": "Report"})
            check("an option that is none", "taken", "refused")
        except ValueError:
            check("an option that is none", "refused", "refused")
        repository = work / "repository"
        shutil.copytree(ROOT / "fixtures/credit-scoring", repository / "credit-scoring")
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
        for arguments in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "--message", "release"]):
            subprocess.run(["git", *identity, *arguments], cwd=repository, check=True)
        jobs(binary, repository, work)
    print(f"{sum(CHECKS)} passed, {len(CHECKS) - sum(CHECKS)} failed")
    return 0 if all(CHECKS) else 1


sys.exit(main())
