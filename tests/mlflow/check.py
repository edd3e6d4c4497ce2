#!/usr/bin/env python3
"""Lets the gate judge models of a real MLflow server, and servers that fail it.

    check.py --modelgate BINARY

A server of MLflow (SQLite, artifacts through the server) is started below a temporary directory on this machine. A model
of scikit-learn is logged and registered with MLflow's own client; then releases that name it are measured and decided.
What the gate says is compared with what the client says, and each file's digest with the file in the server's store.
Between the gate and the server stands a proxy that notes who asks, and fails on demand. Everything ends with the script.
"""

import argparse
import contextlib
import hashlib
import http.client
import http.server
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
import warnings
from pathlib import Path

SECONDS = 230
ROOT = Path(__file__).resolve().parents[2]
RELEASE = ROOT / "fixtures" / "credit-scoring" / "approved"
TOKEN = "t0ken-of-the-pipeline"
COMMIT = "0123456789abcdef0123456789abcdef01234567"

# Before MLflow is imported: it reads them then.
os.environ |= {"MLFLOW_ALLOW_FILE_STORE": "true", "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "GIT_PYTHON_REFRESH": "quiet"}
warnings.filterwarnings("ignore")


class Report:
    """Counts what holds and what does not, a line for each."""

    def __init__(self):
        self.failed = 0

    def check(self, name, holds, detail=""):
        print(f"pass  {name}" if holds else f"FAIL  {name}: {detail}")
        self.failed += not holds


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def start_server(directory):
    """A server, and the process group that it is."""
    port = free_port()
    command = [
        sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
        "--backend-store-uri", f"sqlite:///{directory}/mlflow.db", "--artifacts-destination", f"{directory}/artifacts",
    ]
    with open(directory / "server.log", "w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=directory, start_new_session=True)
    until = time.monotonic() + 90
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2):
                return process, port
        except OSError:
            time.sleep(0.3)
    os.killpg(process.pid, signal.SIGKILL)
    raise SystemExit(f"the MLflow server does not start:\n{(directory / 'server.log').read_text()[-2000:]}")


def start_proxy(port):
    """A proxy before the server. `proxy.seen` are the paths with their `Authorization`; `proxy.fails` is the end of a path
    that it answers with 500."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.server.seen.append((self.path, self.headers.get("Authorization")))
            if self.server.fails and self.server.fails in self.path:
                return self.give(500, b'{"error_code": "INTERNAL_ERROR", "message": "out of order"}')
            upstream = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            upstream.request("GET", self.path)
            answer = upstream.getresponse()
            return self.give(answer.status, answer.read())

        def give(self, status, body):
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            # The gate may have gone, after another of its requests failed.
            with contextlib.suppress(ConnectionError):
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, *_):
            pass

    proxy = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    proxy.seen, proxy.fails = [], None
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    return proxy


def log_models(uri, directory):
    """Logs and registers, and gives the run, the model's id and what else is needed to name them."""
    import mlflow
    import numpy as np
    import pandas as pd
    import sklearn
    from sklearn.linear_model import LogisticRegression

    def train():
        rows = pd.DataFrame(np.random.default_rng(1).normal(size=(200, 3)), columns=["a", "b", "c"])
        label = (rows.a + rows.b > 0).astype(int)
        mlflow.log_params({"C": 1.0, "note": "x" * 2000})
        mlflow.log_metric("roc_auc", 0.9)
        mlflow.log_metric("roc_auc", 0.7623, step=1)
        mlflow.log_input(mlflow.data.from_pandas(rows, name="train", source="s3://data/train.csv"), context="training")
        mlflow.set_tag("mlflow.source.git.commit", COMMIT)
        return LogisticRegression().fit(rows, label), rows

    # Given, they need not be found out by a process of their own.
    requirements = [f"mlflow=={mlflow.__version__}", f"scikit-learn=={sklearn.__version__}"]
    mlflow.set_tracking_uri(uri)
    client = mlflow.MlflowClient()
    mlflow.set_experiment("credit")
    with mlflow.start_run() as run:
        model, rows = train()
        info = mlflow.sklearn.log_model(
            model, name="model", input_example=rows[:2], registered_model_name="credit default", pip_requirements=requirements,
        )
        mlflow.log_text("hello", "notes/a b/ä.txt")
        mlflow.log_metric("undefined", float("nan"))
        large = directory / "large.bin"
        large.write_bytes(bytes(range(256)) * (40 << 12))
        mlflow.log_artifact(large)
    client.set_registered_model_alias("credit default", "champion", "1")
    client.set_model_version_tag("credit default", "1", "validated", "yes")
    # A version whose training failed after its model was logged.
    with contextlib.suppress(RuntimeError), mlflow.start_run():
        mlflow.sklearn.log_model(model, name="model", registered_model_name="credit default", pip_requirements=requirements)
        raise RuntimeError
    # A run whose files are in a directory of the server's machine.
    elsewhere = client.create_experiment("elsewhere", artifact_location=f"file://{directory}/elsewhere")
    with mlflow.start_run(experiment_id=elsewhere) as outside:
        mlflow.log_text("hello", "notes/readme.txt")
    # The file store of before, whose directories are released as they are.
    mlflow.set_tracking_uri(f"file://{directory}/mlruns")
    experiment = mlflow.create_experiment("credit")
    with mlflow.start_run(experiment_id=experiment) as local:
        train()
    return {
        "run": client.get_run(run.info.run_id), "model": info.model_id, "outside": outside.info.run_id,
        "local": directory / "mlruns" / experiment, "local_run": local.info.run_id,
    }


class Gate:
    """Runs the gate on a release in which one artifact is named."""

    def __init__(self, binary, directory, uri):
        self.binary, self.directory, self.uri = binary, directory, uri

    def run(self, command, artifact, uri=None, **variables):
        release = self.directory / "release"
        shutil.rmtree(release, ignore_errors=True)
        shutil.copytree(RELEASE, release)
        manifest = release / "modelgate.yaml"
        text = manifest.read_text().replace("path: model/model.onnx", f"path: '{artifact}'")
        if "@champion" in artifact:
            source = f"{{path: '{artifact}', format: mlflow}}"
            text = text.replace("    claims:", f"    claims_from: [{source}]\n    claims:", 1)
        manifest.write_text(text)
        if command.startswith("local "):
            command, tree = command.removeprefix("local ").split(" from ")
            shutil.copytree(tree, release / artifact)
        environment = {
            "PATH": os.environ["PATH"], "HOME": str(self.directory / "home"), "MODELGATE_ALLOW_LOOPBACK": "1",
            "MLFLOW_TRACKING_URI": uri or self.uri, "MLFLOW_TRACKING_TOKEN": TOKEN, **variables,
        }
        ran = subprocess.run(
            [self.binary, *command.split(), "release"], cwd=self.directory, env=environment, text=True, capture_output=True, timeout=60,
        )
        assert TOKEN not in ran.stdout + ran.stderr, "the token is shown"
        return ran

    def facts(self, artifact, command="facts", **variables):
        ran = self.run(command, artifact, **variables)
        if ran.returncode != 0:
            raise SystemExit(f"FAIL  facts of {artifact}: {ran.returncode}\n{ran.stderr}")
        return json.loads(ran.stdout)


def check_files(report, name, facts, root, tree):
    """Every file of the directory is an artifact, with its digest."""
    expected = {
        f"{root}/{path.relative_to(tree)}": hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(tree.rglob("*")) if path.is_file()
    }
    found = {artifact["path"]: artifact["sha256"] for artifact in facts["artifacts"]}
    report.check(f"{name}: files and digests", found == expected and bool(expected), f"{found} is not {expected}")


def check_run(report, name, facts, run):
    found = facts["mlflow"][0]["run"]
    expected = {
        "run_id": run.info.run_id, "name": run.info.run_name, "status": run.info.status.lower(), "deleted": False,
        "commit": COMMIT, "user": run.data.tags["mlflow.user"], "source": run.data.tags["mlflow.source.name"],
    }
    report.check(f"{name}: the run", {key: found[key] for key in expected} == expected, found)
    dataset = run.inputs.dataset_inputs[0].dataset
    expected = [{"name": "train", "digest": dataset.digest, "context": "training", "source_type": "s3"}]
    report.check(f"{name}: data sets", found["datasets"] == expected, found["datasets"])
    metrics = {metric["name"]: metric["value"] for metric in found["metrics"]}
    expected = {key: None if value != value else value for key, value in run.data.metrics.items()}
    report.check(f"{name}: metrics", metrics == expected, f"{metrics} is not {expected}")
    report.check(f"{name}: parameters", found["params"]["C"] == "1.0" and found["params"]["note"] == "x" * 1024 + "…", found["params"])


def check_models(report, gate, logged, store):
    run, model = logged["run"], logged["model"]
    tree = store / run.info.experiment_id / "models" / model / "artifacts"
    champion = gate.facts("models:/credit default@champion")
    for artifact, root in [
        ("models:/credit default@champion", "models:/credit default/1"), ("models:/credit default/1", None),
        (f"models:/{model}", None), (f"runs:/{run.info.run_id}/model", None),
    ]:
        facts = gate.facts(artifact)
        check_files(report, artifact, facts, root or artifact, tree)
        check_run(report, artifact, facts, run)
        mlmodel = facts["mlflow"][0]["model"]
        holds = mlmodel["run_id"] == run.info.run_id and mlmodel["model_id"] == model
        report.check(f"{artifact}: MLmodel", holds, mlmodel)
    registered = champion["mlflow"][0]["registered"]
    expected = {"name": "credit default", "version": "1", "aliases": ["champion"], "stage": None, "tags": {"validated": "yes"}}
    report.check("the registered version", {key: registered[key] for key in expected} == expected, registered)
    claim = next(claim for claim in champion["evaluations"][0]["claims"] if claim["source"])
    report.check("a logged metric is a claim", (claim["claimed"], claim["result"]) == (0.7623, "confirmed"), claim)
    about = next(artifact for artifact in champion["artifacts"] if artifact["path"].endswith("/MLmodel"))
    report.check("the framework", about["metadata"]["framework"] == "scikit-learn" and about["risks"] == [], about)
    notes = gate.facts(f"runs:/{run.info.run_id}/notes")
    report.check("a directory of a run", [artifact["path"] for artifact in notes["artifacts"]] == [f"runs:/{run.info.run_id}/notes/a b/ä.txt"], notes["artifacts"])
    large = gate.facts(f"runs:/{run.info.run_id}/large.bin")["artifacts"]
    expected = hashlib.sha256((store / run.info.experiment_id / run.info.run_id / "artifacts" / "large.bin").read_bytes()).hexdigest()
    report.check("a file of 40 MiB", [artifact["sha256"] for artifact in large] == [expected], large)


def outcomes(ran):
    return {outcome["control"]: outcome["result"] for outcome in json.loads(ran.stdout)["outcomes"]}


def check_decisions(report, gate, logged):
    ran = gate.run("check --output json", "models:/credit default@champion")
    found = outcomes(ran)
    holds = (found["REP-005"], found["REP-006"], found["ART-002"]) == ("pass", "pass", "pass")
    report.check("a finished run with a commit passes", holds and ran.returncode in (0, 1), f"{ran.returncode} {found}")
    ran = gate.run("check --output json", "models:/credit default/2")
    found = outcomes(ran)
    report.check("a run that failed is found", found["REP-005"] == "fail", f"{ran.returncode} {found}")
    local = logged["local"]
    facts = gate.facts("mlruns", command=f"local facts from {local}")
    found = facts["mlflow"][0]
    holds = (found["run"]["run_id"], found["run"]["status"], found["run"]["commit"]) == (logged["local_run"], "finished", COMMIT)
    metrics = {metric["name"]: metric["value"] for metric in found["run"]["metrics"]}
    report.check("a run of the file store", holds and metrics == {"roc_auc": 0.7623} and found["origin"] == "files", found)
    report.check("its data set", found["run"]["datasets"][0]["name"] == "train", found["run"]["datasets"])


def check_faults(report, gate, proxy, logged):
    def fails(name, artifact, code, *said, command="check", **options):
        began = time.monotonic()
        ran = gate.run(command, artifact, **options)
        holds = ran.returncode == code and all(part in ran.stderr for part in said)
        report.check(name, holds and time.monotonic() - began < 20, f"{ran.returncode}\n{ran.stderr}")

    fails("an absent version", "models:/credit default/9", 3, "error[missing-model]", "models:/credit default/9")
    fails("an absent alias", "models:/credit default@nobody", 3, "error[missing-model]", "@nobody")
    fails("an absent model", "models:/debit/1", 3, "error[missing-model]")
    fails("an absent logged model", "models:/m-00000000000000000000000000000000", 3, "error[missing-model]")
    fails("an absent run", "runs:/00000000000000000000000000000000/model", 3, "error[missing-model]")
    fails("an absent file of a run", f"runs:/{logged['run'].info.run_id}/absent", 3, "error[missing-model]", "no files")
    fails("a version that moves", "models:/credit default/latest", 2, "error[invalid-address]", "from day to day")
    fails("files of the server's machine", f"runs:/{logged['outside']}/notes", 3, "error[unreachable-artifacts]", "--serve-artifacts")
    fails("a server that is down", "models:/credit default/1", 3, "error[unreachable-server]", uri=f"http://127.0.0.1:{free_port()}")
    fails("no leave to ask this machine", "models:/credit default/1", 3, "MODELGATE_ALLOW_LOOPBACK", MODELGATE_ALLOW_LOOPBACK="")
    fails("nothing may be fetched", "models:/credit default/1", 3, "error[offline]", command="check --offline")
    fails("too many bytes", "models:/credit default/1", 3, "error[too-large]", command="check --max-download 1KiB")
    for path in ["model-versions/get?", "get-download-uri", "runs/get", "logged-models/", "mlflow-artifacts/artifacts?", "/MLmodel"]:
        proxy.fails = path
        fails(f"HTTP 500 of {path}", "models:/credit default/1", 3, "error[unreachable-server]", "answers 500", "out of order")
    proxy.fails = None


def check_credentials(report, gate, proxy):
    proxy.seen.clear()
    gate.facts("models:/credit default/1")
    said = {authorization for _, authorization in proxy.seen}
    report.check("the token goes with every request", said == {f"Bearer {TOKEN}"} and len(proxy.seen) > 8, said)
    proxy.seen.clear()
    gate.facts("models:/credit default/1", MLFLOW_TRACKING_USERNAME="ann", MLFLOW_TRACKING_PASSWORD="hunter2")
    # RFC 7617, section 2: base64 of `ann:hunter2`.
    said = {authorization for _, authorization in proxy.seen}
    report.check("a name and a password come before a token", said == {"Basic YW5uOmh1bnRlcjI="}, said)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--modelgate", required=True, type=Path)
    binary = parser.parse_args().modelgate.resolve()
    # Whatever hangs, this ends; `finally` ends the server.
    signal.signal(signal.SIGALRM, lambda *_: sys.exit(f"FAIL  it takes more than {SECONDS} seconds"))
    signal.alarm(SECONDS)
    report = Report()
    with tempfile.TemporaryDirectory(prefix="modelgate-mlflow-") as temporary:
        directory = Path(temporary)
        (directory / "home").mkdir()
        process, port = start_server(directory)
        try:
            logged = log_models(f"http://127.0.0.1:{port}", directory)
            proxy = start_proxy(port)
            gate = Gate(binary, directory, f"http://127.0.0.1:{proxy.server_port}")
            check_models(report, gate, logged, directory / "artifacts")
            check_decisions(report, gate, logged)
            check_credentials(report, gate, proxy)
            check_faults(report, gate, proxy, logged)
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    print(f"{report.failed} failed" if report.failed else "all hold")
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
