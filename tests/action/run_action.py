#!/usr/bin/env python3
"""Runs the steps of action.yml as a GitHub runner would: run_action.py BINARY

Inputs come by expressions and the environment, outputs and the summary go to files, and a step that fails ends the action.
Releases are fetched from a directory: `curl` and `gh` are stand-ins that this script puts on the path.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
CHECKS = []


def check(name, found, expected):
    CHECKS.append(found == expected)
    if found != expected:
        print(f"FAILED: {name}: expected {expected!r}, found {found!r}")


class Expressions:
    """What `${{ … }}` stands for, as far as action.yml uses it."""

    def __init__(self, inputs, outputs, token):
        self.inputs, self.outputs, self.token = inputs, outputs, token

    def value(self, expression):
        expression = expression.strip()
        if "||" in expression:
            return next((value for part in expression.split("||") if (value := self.value(part))), "")
        if "==" in expression:
            left, right = expression.split("==")
            return self.value(left) == right.strip().strip("'")
        match expression.split("."):
            case ["inputs", name]:
                return self.inputs[name]
            case ["steps", step, "outputs", name]:
                return self.outputs.get(step, {}).get(name, "")
            case ["github", "token"]:
                return self.token
        raise ValueError(f"this runner does not know the expression {expression}")

    def text(self, text):
        return re.sub(r"\$\{\{(.*?)\}\}", lambda found: str(self.value(found[1])), str(text))


class Ran:
    def __init__(self):
        self.status, self.printed, self.summary, self.outputs = 0, "", "", {}


def run_action(repository, work, inputs, **variables):
    """Runs the action in a job of `repository`; what comes of it."""
    token = variables.pop("token", "ghs_test")
    unknown = set(inputs) - set(ACTION["inputs"])
    assert not unknown, unknown
    first = Expressions({}, {}, token)
    given = {name: inputs.get(name, first.text(declared["default"])) for name, declared in ACTION["inputs"].items()}
    ran, outputs = Ran(), {}
    temporary = Path(tempfile.mkdtemp(dir=work))
    for number, step in enumerate(ACTION["runs"]["steps"]):
        expressions = Expressions(given, outputs, token)
        if ran.status or not expressions.value(step.get("if", "github.token")):
            continue
        output, summary, script = (temporary / f"{name}-{number}" for name in ("output", "summary", "script"))
        output.touch()
        summary.touch()
        script.write_text(expressions.text(step["run"]))
        environment = {
            "PATH": os.environ["PATH"], "HOME": str(temporary), "CI": "true", "GITHUB_ACTIONS": "true",
            "GITHUB_RUN_ID": "42", "GITHUB_REF_NAME": "main", "GITHUB_ACTION_PATH": str(ROOT),
            "GITHUB_WORKSPACE": str(repository), "RUNNER_TEMP": str(temporary), "RUNNER_OS": "Linux", "RUNNER_ARCH": "X64",
            "GITHUB_OUTPUT": str(output), "GITHUB_STEP_SUMMARY": str(summary), **variables,
            **{name: expressions.text(value) for name, value in step.get("env", {}).items()},
        }
        directory = repository / expressions.text(step.get("working-directory", "."))
        # As documented for `shell: bash`.
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", script]
        done = subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, timeout=300)
        ran.status = done.returncode
        ran.printed += done.stdout + done.stderr
        ran.summary += summary.read_text()
        outputs[step["id"]] = dict(line.split("=", 1) for line in output.read_text().splitlines())
    expressions = Expressions(given, outputs, token)
    ran.outputs = {name: expressions.text(declared["value"]) for name, declared in ACTION["outputs"].items()}
    return ran


class Forge:
    """GitHub's API as a fork's token has it: what is public can be read, and nothing can be written."""

    ANSWERS = {
        "/repos/o/r/pulls/7": {"user": {"login": "ann"}, "head": {"sha": "0" * 40}},
        "/repos/o/r/pulls/7/reviews": [
            {"user": {"login": name}, "state": "APPROVED", "commit_id": "0" * 40} for name in ("bob", "eve")
        ],
    }

    def __enter__(self):
        requests = self.requests = []

        class Handler(BaseHTTPRequestHandler):
            def answer(self):
                requests.append((self.command, self.path))
                found = Forge.ANSWERS.get(self.path.split("?")[0]) if self.command == "GET" else None
                body = json.dumps(found or {"message": "Resource not accessible by integration"}).encode()
                self.send_response(200 if found else 403)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_PATCH = answer

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        return self

    def __exit__(self, *_):
        self.server.shutdown()


def decisions(binary, repository, work):
    key = work / "key.pem"
    subprocess.run([binary, "keygen", key], check=True, capture_output=True)
    pem = key.read_text()
    secret = pem.splitlines()[1]

    def run(release, **inputs):
        variables = inputs.pop("variables", {})
        names = {name.replace("_", "-"): value for name, value in inputs.items()}
        given = {"binary": str(binary), "release": f"credit-scoring/{release}", "signing-key": pem, **names}
        ran = run_action(repository, work, given, **variables)
        check(f"{release} {inputs}: the key is not shown", secret in ran.printed + ran.summary, False)
        shutil.rmtree(repository / ".modelgate", ignore_errors=True)
        return ran

    out = {name: str(work / name) for name in ("out.sarif", "junit.xml", "report.json", "evidence")}
    files = {"sarif_file": out["out.sarif"], "junit_file": out["junit.xml"], "report_file": out["report.json"],
             "evidence_dir": out["evidence"]}
    ran = run("approved", **files)
    check("approved: exit code", ran.status, 0)
    decided = {name: ran.outputs[name] for name in ("decision", "tier", "exit-code", "evidence-dir", "report-file", "sarif-file")}
    check("approved: outputs", decided, {
        "decision": "approve", "tier": "high", "exit-code": "0", "evidence-dir": out["evidence"],
        "report-file": out["report.json"], "sarif-file": out["out.sarif"]})
    check("approved: digest", bool(re.fullmatch("[0-9a-f]{64}", ran.outputs["decision-digest"])), True)
    check("approved: summary", "credit" in ran.summary, True)
    check("approved: files", all(Path(path).exists() for path in out.values()), True)
    bundles = list(Path(out["evidence"]).glob("*.verdict.sigstore.json"))
    verified = subprocess.run([binary, "verify", bundles[0], "--key", f"{key}.pub"], capture_output=True, text=True)
    check("approved: the evidence verifies", verified.returncode, 0)

    files = {"report_file": out["report.json"], "evidence_dir": str(work / "other")}
    ran = run("conditional", **files)
    check("conditional", (ran.status, ran.outputs["decision"]), (0, "conditional"))
    check("conditional, fail on condition", run("conditional", fail_on="condition", **files).status, 1)
    ran = run("denied", sarif_file=out["out.sarif"], **files)
    check("denied", (ran.status, ran.outputs["exit-code"], ran.outputs["decision"]), (1, "1", "deny"))
    check("denied: SARIF has results", '"results"' in Path(out["out.sarif"]).read_text(), True)
    ran = run("denied", mode="report", **files)
    check("report only", (ran.status, ran.outputs["exit-code"], ran.outputs["decision"]), (0, "1", "deny"))
    check("report only: summary", bool(ran.summary), True)
    ran = run("nowhere", mode="report", **files)
    check("report only, no manifest", (ran.status, ran.outputs["exit-code"]), (2, "2"))
    ran = run("approved", signing_key="", **files)
    check("no key", (ran.status, ran.outputs["exit-code"], ran.outputs["decision"]), (4, "4", "approve"))
    ran = run("nowhere", **files)
    check("no manifest", (ran.status, ran.outputs["exit-code"], ran.outputs["decision"]), (2, "2", ""))
    check("no manifest: annotation", "::error title=" in ran.printed, True)
    check("an unknown mode", run("approved", mode="Report", **files).status, 2)
    ran = run_action(repository, work, {"binary": str(binary), "signing-key": pem, "release": "approved",
                                        "working-directory": "credit-scoring", **{"evidence-dir": str(work / "third")}})
    check("working directory", (ran.status, (repository / "credit-scoring/modelgate-report.json").exists()), (0, True))
    subprocess.run(["git", "clean", "-fdxq"], cwd=repository, check=True)
    # A text that a shell would run.
    ran = run("$(touch pwned); touch pwned", policies="`touch pwned`", **files)
    check("hostile inputs", (ran.status, list(repository.rglob("pwned"))), (2, []))

    event = work / "event.json"
    event.write_text(json.dumps({"pull_request": {"number": 7, "head": {"sha": "0" * 40, "repo": {"fork": True}}}}))
    with Forge() as forge:
        fork = {"GITHUB_EVENT_NAME": "pull_request", "GITHUB_EVENT_PATH": str(event), "GITHUB_REF": "refs/pull/7/merge",
                "GITHUB_REPOSITORY": "o/r", "GITHUB_API_URL": forge.url, "GITHUB_HEAD_REF": "patch"}
        ran = run("approved", signing_key="", ephemeral_key="true", variables=fork, **files)
        check("a fork", (ran.status, ran.outputs["decision"], ran.outputs["exit-code"]), (0, "approve", "0"))
        check("a fork: summary", bool(ran.summary), True)
        check("a fork: GitHub was asked", bool(forge.requests), True)
        ran = run("denied", signing_key="", ephemeral_key="true", variables=fork, **files)
        check("a fork, denied", (ran.status, ran.outputs["decision"]), (1, "deny"))


STAND_INS = {
    "curl": """#!/usr/bin/env bash
[[ "$*" == *"--proto =https --tlsv1.2"* ]] || exit 9
while [[ $# -gt 1 ]]; do [[ $1 == --output ]] && file=$2; shift; done
[[ $1 == https://github.com/modelgate/modelgate/releases/download/v0.1.0/* ]] || exit 9
exec cp "$RELEASES/${1##*/}" "$file"
""",
    "gh": """#!/usr/bin/env bash
printf '%s\\n' "$*" >> "$RELEASES/asked"
[[ -n "$GH_TOKEN" && ! -e "$RELEASES/unattested" ]]
""",
}


def installation(binary, repository, work):
    releases, path = work / "releases", work / "bin"
    releases.mkdir()
    path.mkdir()
    for name, script in STAND_INS.items():
        (path / name).write_text(script)
        (path / name).chmod(0o755)
    name = "modelgate-0.1.0-x86_64-unknown-linux-gnu"
    with tarfile.open(releases / f"{name}.tar.gz", "w:gz", compresslevel=1) as archive:
        archive.add(binary, f"{name}/modelgate")
        archive.add(ROOT / "LICENSE", f"{name}/LICENSE")
    with open(releases / f"{name}.tar.gz", "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    sums = releases / "SHA256SUMS"

    def run(lines=f"{digest}  {name}.tar.gz\n", variables=None, **inputs):
        sums.write_text(lines)
        given = {"release": "nowhere", **{name.replace("_", "-"): value for name, value in inputs.items()}}
        variables = {"PATH": f"{path}:{os.environ['PATH']}", "RELEASES": str(releases), **(variables or {})}
        return run_action(repository, work, given, **variables)

    ran = run()
    # What is installed runs: there is no such release.
    check("verified install", (ran.status, "title=modelgate" in ran.printed, "nowhere" in ran.printed), (2, False, True))
    check("the attestation that is asked for", (releases / "asked").read_text().split(" ", 3)[3],
          "--repo modelgate/modelgate --signer-workflow modelgate/modelgate/.github/workflows/release.yml "
          "--source-ref refs/tags/v0.1.0 --deny-self-hosted-runners\n")

    def refused(name, why, **given):
        ran = run(**given)
        found = (ran.status, ran.outputs["exit-code"], why in ran.printed)
        check(name, found, (2, "2", True))

    refused("another checksum", "is not the one that the release lists", lines=f"{'0' * 64}  {name}.tar.gz\n")
    refused("no checksum", "does not list", lines=f"{digest}  other.tar.gz\n")
    refused("two checksums", "does not list", lines=f"{digest}  {name}.tar.gz\n{'0' * 64}  {name}.tar.gz\n")
    (releases / "unattested").touch()
    refused("no attestation", "no attestation says")
    (releases / "unattested").unlink()
    refused("no such release", "cannot be fetched", version="9.9.9")
    refused("a version that is none", "not of the form 1.2.3", version="latest; id")
    refused("a repository that is none", "not of the form owner/name", repository="a/b/c")
    refused("another system", "there is no release for", variables={"RUNNER_OS": "Plan9"})
    refused("a boolean that is none", "has to be true or false", ephemeral_key="yes")
    refused("a binary that is none", "is not an executable file", binary=str(ROOT / "README.md"))
    tools = work / "tools"
    tools.mkdir()
    for tool in ("bash", "mktemp", "realpath"):
        (tools / tool).symlink_to(shutil.which(tool))
    refused("without gh", "gh is needed", variables={"PATH": str(tools)})


def fork_report(work):
    """The script of docs/ci/github/fork-report.yml, with a stand-in for `gh`."""
    workflow = yaml.safe_load((ROOT / "docs/ci/github/fork-report.yml").read_text())
    [step] = workflow["jobs"]["report"]["steps"]
    path, calls, comments = work / "fork-bin", work / "calls", work / "comments"
    path.mkdir()
    (path / "gh").write_text(f"""#!/usr/bin/env bash
printf '%s\\n' "$*" >> {calls}
case "$*" in
  *--paginate*) cat {comments} ;;
  *pulls*) echo '[{{"number": 6, "head": {{"sha": "1111"}}}}, {{"number": 7, "head": {{"sha": "2222"}}}}]' ;;
esac
""")
    (path / "gh").chmod(0o755)

    def run(found, commit="2222"):
        calls.write_text("")
        comments.write_text(found)
        variables = {
            "PATH": f"{path}:{os.environ['PATH']}", "GITHUB_REPOSITORY": "o/r", "GH_TOKEN": "t", "COMMIT": commit,
            "OWNER": "eve", "BRANCH": "$(id)", "CONCLUSION": "failure", "RUN": "https://github.com/o/r/actions/runs/1",
        }
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
        done = subprocess.run(command, env=variables, capture_output=True, text=True)
        check("fork report: exit code", done.returncode, 0)
        return [call.split(" -f body")[0] for call in calls.read_text().splitlines() if call.startswith("api")]

    find = "api --method GET repos/o/r/pulls -f state=open -f head=eve:$(id)"
    listed = "api --paginate repos/o/r/issues/7/comments"
    create = "api --silent repos/o/r/issues/7/comments"
    marker = "<!-- modelgate-report -->"
    ours = json.dumps([{"id": 2, "user": {"login": "github-actions[bot]"}, "body": f"{marker} x"}])
    theirs = json.dumps([{"id": 1, "user": {"login": "eve"}, "body": f"{marker} x"}])
    check("fork report: first", run("[]"), [find, listed, create])
    check("fork report: again", run(theirs + ours), [find, listed, "api --silent --method PATCH repos/o/r/issues/comments/2"])
    check("fork report: another's marker", run(theirs), [find, listed, create])
    check("fork report: an older commit", run("[]", commit="3333"), [find])


def main():
    binary = Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as directory:
        work = Path(directory)
        # A repository of its own with the example in it: in CI a release must be a commit.
        repository = work / "repository"
        shutil.copytree(ROOT / "fixtures/credit-scoring", repository / "credit-scoring")
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
        for arguments in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "--message", "release"]):
            subprocess.run(["git", *identity, *arguments], cwd=repository, check=True)
        decisions(binary, repository, work)
        installation(binary, repository, work)
        fork_report(work)
    print(f"{sum(CHECKS)} passed, {len(CHECKS) - sum(CHECKS)} failed")
    return 0 if all(CHECKS) else 1


sys.exit(main())
