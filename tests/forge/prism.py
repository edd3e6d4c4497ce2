#!/usr/bin/env python3
"""Every request that modelgate sends is one that the forge's API description has.

usage: prism.py --modelgate BINARY --node-modules DIRECTORY

The real binary publishes to a forge on loopback, which keeps what it is sent and gives it back. Each request is first
put to Prism, which serves GitHub's own OpenAPI description (cut down by github_openapi.js) and for GitLab the one that
was written from its API documentation (gitlab-openapi.json); a request that Prism refuses is a failure.
"""

import argparse
import http.client
import http.server
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
HEAD = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
BOT = "github-actions[bot]"
START_SECONDS = 90


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Forge:
    """What the forge has, and what Prism said of each request."""

    def __init__(self, prism_port):
        self.prism_port = prism_port
        self.comments, self.statuses, self.check_runs = [], [], []
        self.requests, self.refused = [], []
        self.lock = threading.Lock()
        forge = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *arguments):
                pass

            def handle_any(self):
                length = int(self.headers.get("content-length") or 0)
                body = self.rfile.read(length)
                with forge.lock:
                    forge.check(self.command, self.path, dict(self.headers), body)
                    status, answer = forge.answer(self.command, self.path, json.loads(body) if body else None)
                data = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PATCH = do_PUT = handle_any

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def check(self, method, path, headers, body):
        self.requests.append((method, path.split("?")[0]))
        kept = {name: value for name, value in headers.items() if name.lower() not in ("host", "connection")}
        prism = http.client.HTTPConnection("127.0.0.1", self.prism_port, timeout=30)
        prism.request(method, path, body=body or None, headers=kept)
        answer = prism.getresponse()
        said = answer.read()
        # The description's own examples do not all fit its schemas: what is wrong with an answer is not ours.
        violations = json.loads(said).get("validation", []) if answer.status == 500 else []
        is_answer = bool(violations) and all(violation["location"][0] == "response" for violation in violations)
        if answer.status >= 400 and not is_answer:
            self.refused.append(f"{method} {path}: {answer.status} {said[:600]!r}")
        prism.close()

    def answer(self, method, path, body):
        parts = path.split("?")[0].strip("/").split("/")
        last, number = parts[-1], 100 + len(self.requests)
        if path == "/graphql":
            return 200, {"data": {"viewer": {"login": BOT}}}
        if path == "/user":
            return 200, {"id": 1}
        if last in ("comments", "notes") and method == "GET":
            return 200, self.comments
        if last in ("comments", "notes"):
            made = {"id": number, "body": body["body"], "user": {"login": BOT}, "author": {"id": 1}}
            self.comments.append(made)
            return 201, made
        if method in ("PATCH", "PUT") and parts[-2] in ("comments", "notes"):
            found = next(comment for comment in self.comments if str(comment["id"]) == last)
            found["body"] = body["body"]
            return 200, found
        if last == "statuses":
            return 200, list(reversed(self.statuses))
        if parts[-2] == "statuses":
            self.statuses.append({**body, "id": number, "status": body["state"]})
            return 201, {}
        if last == "check-runs" and method == "GET":
            return 200, {"total_count": len(self.check_runs), "check_runs": self.check_runs}
        if last == "check-runs":
            body["output"]["annotations_count"] = len(body["output"]["annotations"])
            self.check_runs.append({**body, "id": number})
            return 201, self.check_runs[-1]
        if parts[-2] == "check-runs":
            run = next(run for run in self.check_runs if str(run["id"]) == last)
            run["output"]["annotations_count"] += len(body["output"]["annotations"])
            return 200, run
        if last == "analyses":
            return 404, {"message": "no analysis found"}
        if last == "sarifs":
            return 202, {"id": "47177e22"}
        if parts[-2] == "runs":
            head = {"full_name": "eve/credit", "owner": {"login": "eve"}}
            return 200, {"event": "pull_request", "status": "completed", "conclusion": "failure", "head_sha": HEAD,
                         "head_branch": "better & more", "run_attempt": 1, "head_repository": head}
        if last == "pulls":
            return 200, [{"number": 7, "head": {"sha": HEAD, "repo": {"full_name": "eve/credit"}}}]
        if parts[-2] == "pulls":
            return 200, {"user": {"login": "ann"}, "head": {"sha": HEAD}}
        if last == "reviews":
            return 200, []
        if last == "approvals":
            return 200, {"approved_by": []}
        if parts[-2] == "merge_requests":
            return 200, {"author": {"username": "ann"}}
        return 404, {"message": "Not Found"}


class Prism:
    def __init__(self, modules, description):
        self.port = free_port()
        command = ["node", str(modules / ".bin" / "prism"), "mock", "-h", "127.0.0.1", "-p", str(self.port), "--errors", str(description)]
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(command, stdout=self.log, stderr=subprocess.STDOUT)
        for _ in range(START_SECONDS * 4):
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                if self.process.poll() is not None:
                    self.log.seek(0)
                    sys.exit(self.log.read().decode())
                time.sleep(0.25)
        sys.exit("Prism did not start")

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Runs:
    def __init__(self, binary, work):
        self.binary, self.work = binary, work
        subprocess.run([binary, "keygen", str(work / "key.pem")], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.failures = []

    def run(self, arguments, variables, expected):
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.work), **variables}
        key = ["--key", str(self.work / "key.pem")] if arguments[0] == "check" else []
        ran = subprocess.run([self.binary, *arguments, *key], cwd=self.work, env=environment, capture_output=True, text=True)
        if ran.returncode != expected:
            self.failures.append(f"{arguments}: {ran.returncode} instead of {expected}\n{ran.stderr}")

    def check(self, what, is_so):
        if not is_so:
            self.failures.append(what)


EVERYTHING = ["--publish", "--comment", "always", "--commit-status", "--check-run", "--effective-time", "2999-01-01"]


def github(runs, forge, work):
    event = {"pull_request": {"number": 7, "head": {"sha": HEAD, "repo": {"full_name": "bank/credit"}}}}
    (work / "event.json").write_text(json.dumps(event))
    variables = {
        "GITHUB_ACTIONS": "true", "GITHUB_API_URL": forge.url, "GITHUB_REPOSITORY": "bank/credit",
        "GITHUB_EVENT_NAME": "pull_request", "GITHUB_EVENT_PATH": str(work / "event.json"),
        "GITHUB_REF": "refs/pull/7/merge", "GITHUB_RUN_ID": "77", "GITHUB_RUN_ATTEMPT": "1",
        "GITHUB_WORKSPACE": str(work), "GITHUB_TOKEN": "t0ken",
    }
    runs.run(["check", "denied", *EVERYTHING, "--upload-sarif", "--output", "json=report.json"], variables, 1)
    runs.check("one comment and one status", (len(forge.comments), len(forge.statuses)) == (1, 1))
    before = len(forge.requests)
    runs.run(["check", "denied", *EVERYTHING], variables, 1)
    again = [request for request in forge.requests[before:] if request[0] != "GET" and request[1] != "/graphql"]
    runs.check(f"a second run wrote {again}", not again)
    runs.run(["check", "approved", *EVERYTHING, "--gate", "other"], variables, 0)
    # A later run of the same release brings its comment up to date.
    runs.run(["check", "denied", *EVERYTHING], {**variables, "GITHUB_RUN_ID": "78"}, 1)
    runs.check("a comment was updated", any(method == "PATCH" and "/comments/" in path for method, path in forge.requests))
    ended = {"workflow_run": {"id": 12, "head_sha": HEAD}}
    (work / "event.json").write_text(json.dumps(ended))
    later = {**variables, "GITHUB_EVENT_NAME": "workflow_run", "GITHUB_REF": "refs/heads/main"}
    runs.run(["publish", "report.json", "--commit-status", "--gate", "later"], later, 0)
    # More findings than one request takes.
    report = json.loads((work / "report.json").read_text())
    failed = next(outcome for outcome in report["outcomes"] if outcome["result"] == "fail")
    failed["findings"] = [dict(failed["findings"][0], subject=f"subject {number}") for number in range(120)]
    (work / "many.json").write_text(json.dumps(report))
    (work / "event.json").write_text(json.dumps(event))
    runs.run(["publish", "many.json", "--check-run", "--gate", "many"], variables, 0)
    runs.check("annotations were appended", any(method == "PATCH" and "/check-runs/" in path for method, path in forge.requests))


def gitlab(runs, forge, work):
    variables = {
        "GITLAB_CI": "true", "CI_API_V4_URL": forge.url, "CI_PROJECT_ID": "5", "CI_MERGE_REQUEST_IID": "3",
        "CI_MERGE_REQUEST_PROJECT_ID": "5", "CI_PIPELINE_ID": "900", "CI_JOB_ID": "4001", "CI_COMMIT_SHA": HEAD,
        "CI_JOB_URL": "https://gitlab.example/bank/credit/-/jobs/4001", "CI_PROJECT_DIR": str(work), "GITLAB_TOKEN": "t0ken",
    }
    runs.run(["check", "denied", *EVERYTHING], variables, 1)
    runs.run(["check", "denied", *EVERYTHING], {**variables, "CI_PIPELINE_ID": "901", "CI_JOB_ID": "4002"}, 1)
    runs.check("one note", len(forge.comments) == 1)
    runs.check("the note was updated", any(method == "PUT" for method, _ in forge.requests))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--modelgate", required=True)
    parser.add_argument("--node-modules", required=True, type=pathlib.Path)
    arguments = parser.parse_args()
    script = ["node", str(HERE / "github_openapi.js")]
    environment = {**os.environ, "NODE_PATH": str(arguments.node_modules)}
    requests = subprocess.run([*script, "--requests"], env=environment, check=True, capture_output=True).stdout
    if requests != (HERE / "github-requests.json").read_bytes():
        sys.exit("tests/forge/github-requests.json is not what github_openapi.js --requests makes")
    failures, count = [], 0
    with tempfile.TemporaryDirectory() as directory:
        work = pathlib.Path(directory)
        for release in ("approved", "denied"):
            shutil.copytree(ROOT / "fixtures/credit-scoring" / release, work / release)
            git = ["git", "-C", str(work / release), "-c", "user.name=t", "-c", "user.email=t@example.com"]
            for step in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "--message", "release"]):
                subprocess.run([*git, *step], check=True)
        description = work / "github.json"
        description.write_bytes(subprocess.run(script, env=environment, check=True, capture_output=True).stdout)
        runs = Runs(os.path.abspath(arguments.modelgate), work)
        for publish, file in ((github, description), (gitlab, HERE / "gitlab-openapi.json")):
            prism = Prism(arguments.node_modules, file)
            try:
                forge = Forge(prism.port)
                publish(runs, forge, work)
            finally:
                prism.stop()
            failures += forge.refused
            count += len(forge.requests)
        failures += runs.failures
    for failure in failures:
        print(failure)
    print(f"{count} requests, {len(failures)} failures")
    sys.exit(1 if failures or count == 0 else 0)


if __name__ == "__main__":
    main()
