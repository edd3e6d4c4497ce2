#!/usr/bin/env python3
"""Many writers at one store, and writers that are killed.

    race.py [--modelgate BINARY] [--writers N] [--runs N] [--kills N] [--azurite DIRECTORY] [--only PLACE…]

The writers of `writers_race_for_the_store_of_the_environment` (src/store/tests.rs) race for a store in a directory,
at an S3 server (moto) and at an Azure server (azurite), all on loopback: every entry must be there once, in a valid
chain. Then `modelgate check` is killed with SIGKILL at random moments and repeated: one receipt for each run, and an
audit without a finding. Last, an object of a versioned bucket is deleted, which leaves a delete marker, and created
anew: the audit must find it. Figures are printed.

moto comes from requirements.txt beside this file; azurite from npm, into the directory that --azurite names.
"""

import argparse
import base64
import contextlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parent.parent
AZURITE = "azurite@3.37.0"
START_SECONDS = 60
# Of one run of everything; a race that is stuck ends with it.
RACE_SECONDS = 1800
AMBIENT = ("AWS_", "AZURE_", "GOOGLE_", "MODELGATE_", "CI", "GITHUB_", "GITLAB_")
S3 = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing-secret", "AWS_REGION": "eu-west-1"}
# The account that every Azure emulator has.
ACCOUNT = "devstoreaccount1"
ACCOUNT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


def environment(more):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(AMBIENT)}
    return {**kept, **more}


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextlib.contextmanager
def server(command, port):
    """A server on loopback, from when it answers to the end of the block."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + START_SECONDS
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            if process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"{command[0]} did not start")
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def moto():
    port = free_port()
    return server([str(Path(sys.executable).parent / "moto_server"), "-H", "127.0.0.1", "-p", str(port)], port)


def azurite(directory, data):
    binary = directory / "node_modules/.bin/azurite-blob"
    if not binary.exists():
        directory.mkdir(parents=True, exist_ok=True)
        command = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--silent", "--prefix", directory, AZURITE]
        subprocess.run(command, check=True)
    port = free_port()
    # A newer API version than it knows is what clients ask for.
    options = ["--silent", "--skipApiVersionCheck", "--inMemoryPersistence", "--blobHost", "127.0.0.1"]
    return server([str(binary), *options, "--blobPort", str(port)], port)


def s3_client(endpoint):
    import boto3

    keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing-secret", "region_name": "eu-west-1"}
    return boto3.client("s3", endpoint_url=endpoint, **keys)


def make_bucket(endpoint, name, versioned=False):
    client = s3_client(endpoint)
    client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    if versioned:
        client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})


def make_container(endpoint, name):
    """Signed by hand: one request is no reason for an SDK."""
    import datetime
    import hashlib
    import hmac

    date = datetime.datetime.now(datetime.timezone.utc).strftime("%a, %d %b %Y %H:%M:%S GMT")
    headers = f"x-ms-date:{date}\nx-ms-version:2021-12-02\n"
    resource = f"/{ACCOUNT}/{ACCOUNT}/{name}\nrestype:container"
    signed = "PUT" + "\n" * 12 + headers + resource
    digest = hmac.new(base64.b64decode(ACCOUNT_KEY), signed.encode(), hashlib.sha256).digest()
    request = urllib.request.Request(f"{endpoint}/{ACCOUNT}/{name}?restype=container", method="PUT", data=b"")
    request.add_header("Content-Length", "0")
    request.add_header("x-ms-date", date)
    request.add_header("x-ms-version", "2021-12-02")
    request.add_header("Authorization", f"SharedKey {ACCOUNT}:{base64.b64encode(digest).decode()}")
    urllib.request.urlopen(request, timeout=30).read()


def s3_variables(endpoint):
    return {**S3, "AWS_ENDPOINT_URL": endpoint, "AWS_ALLOW_HTTP": "true"}


def azure_variables(endpoint):
    return {
        "AZURE_STORAGE_ACCOUNT_NAME": ACCOUNT,
        "AZURE_STORAGE_ACCOUNT_KEY": ACCOUNT_KEY,
        "AZURE_STORAGE_ENDPOINT": f"{endpoint}/{ACCOUNT}",
        "AZURE_ALLOW_HTTP": "true",
    }


class Gate:
    """The binary, with a key of its own and the log key of the tests."""

    def __init__(self, binary, work):
        self.binary, self.work = binary, work
        self.key, self.log_key = work / "key.pem", work / "log-key.pem"
        self.run("keygen", self.key).check_returncode()
        # The log key of src/store/tests.rs: thirty-two sevens, in the envelope that OpenSSL writes.
        der = bytes.fromhex("302e020100300506032b657004220420") + bytes([7]) * 32
        body = base64.b64encode(der).decode()
        self.log_key.write_text(f"-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n")
        self.log_key.chmod(0o600)

    def command(self, *arguments):
        return [str(self.binary), *map(str, arguments)]

    def run(self, *arguments, variables=()):
        more = {"HOME": str(self.work), **dict(variables)}
        return subprocess.run(self.command(*arguments), env=environment(more), capture_output=True, text=True)

    def init(self, store, variables=()):
        made = self.run("store", "init", store, "--log-key", self.log_key, "--origin", "example.com/log", variables=variables)
        if made.returncode != 0:
            sys.exit(f"store init {store}: {made.stderr}")
        again = self.run("store", "init", store, "--log-key", self.log_key, variables=variables)
        assert again.returncode == 2 and "already" in again.stderr, again.stderr

    def audit(self, store, variables=(), against=()):
        options = [option for file in against for option in ("--against", file)]
        ran = self.run("store", "audit", "--store", store, "--json", *options, variables=variables)
        if ran.returncode not in (0, 1):
            sys.exit(f"store audit {store}: {ran.stderr}")
        audit = json.loads(ran.stdout)
        assert (ran.returncode == 0) == (audit["findings"] == []), ran.stdout
        return audit

    def check(self, store, out, variables=()):
        return self.command(
            "check", CHECKOUT / "fixtures/credit-scoring/approved", "--key", self.key, "--log-key", self.log_key,
            "--store", store, "--out", out,
        )


def race(test, store, variables, writers, runs):
    """The threads of the Rust test: a check takes longer than an append, and would not race."""
    figures = Path(tempfile.mkdtemp()) / "figures"
    more = {
        **variables,
        "MODELGATE_TEST_FIGURES": str(figures),
        "MODELGATE_TEST_STORE": store,
        "MODELGATE_TEST_WRITERS": str(writers),
        "MODELGATE_TEST_RUNS": str(runs),
        "RUST_BACKTRACE": "1",
    }
    name = "store::tests::writers_race_for_the_store_of_the_environment"
    command = [*test, "--ignored", "--exact", name]
    ran = subprocess.run(command, env=environment(more), capture_output=True, text=True, timeout=RACE_SECONDS, cwd=CHECKOUT)
    if ran.returncode != 0 or "1 passed" not in ran.stdout:
        sys.exit(f"{store}:\n{ran.stdout}\n{ran.stderr}")
    print(figures.read_text(), flush=True)
    shutil.rmtree(figures.parent)


def kill(gate, work, kills):
    """Each run is killed at a random moment of its way, and then repeated to its end."""
    store, out = work / "killed", work / "killed-evidence"
    gate.init(store)
    variables = environment({"HOME": str(work)})
    started = time.monotonic()
    subprocess.run(gate.check(store, out), env=variables, capture_output=True, check=True)
    whole = time.monotonic() - started
    killed, cut_off, chance = 0, 0, random.Random(6)
    for run in range(kills):
        # Another run each time: CI says which it is.
        with_run = {**variables, "GITHUB_ACTIONS": "true", "GITHUB_RUN_ID": str(run)}
        process = subprocess.Popen(gate.check(store, out), env=with_run, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(whole * chance.uniform(0.5, 1.0))
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            killed += 1
        process.wait()
        cut_off += len(gate.audit(store)["without_receipt"])
        for _ in range(2):
            repeated = subprocess.run(gate.check(store, out), env=with_run, capture_output=True, text=True)
            if repeated.returncode != 0:
                sys.exit(f"the run that was repeated: {repeated.stderr}")
    audit = gate.audit(store)
    assert audit["findings"] == [] and audit["without_receipt"] == [], audit
    assert audit["receipts"] == kills + 1, audit
    print(f"{kills} runs, {killed} killed, {cut_off} of them between entry and receipt: {audit['receipts']} receipts, "
          f"{audit['checkpoint']['size']} entries, an audit without a finding", flush=True)


def delete_marker(gate, work, endpoint):
    """An entry of a versioned bucket, deleted and created anew with other bytes."""
    make_bucket(endpoint, "versioned", versioned=True)
    client, store, variables = s3_client(endpoint), "s3://versioned/gate", s3_variables(endpoint)
    gate.init(store, variables)
    for run in range(3):
        with_run = environment({**variables, "HOME": str(work), "GITHUB_ACTIONS": "true", "GITHUB_RUN_ID": str(run)})
        subprocess.run(gate.check(store, work / "versioned-evidence"), env=with_run, capture_output=True, check=True)
    kept = sorted((work / "versioned-evidence").glob("*.checkpoint"))
    assert len(kept) == 3
    assert gate.audit(store, variables, kept)["continues"] == 3
    for number, kind in ((1, "broken-chain"), (2, "checkpoint")):
        key = f"gate/v1/log/entry/{number:012}"
        entry = client.get_object(Bucket="versioned", Key=key)["Body"].read()
        client.delete_object(Bucket="versioned", Key=key)
        changed = entry.replace(b'"approve"', b'"deny"')
        assert changed != entry
        client.put_object(Bucket="versioned", Key=key, Body=changed, IfNoneMatch="*")
        kinds = {finding["kind"] for finding in gate.audit(store, variables)["findings"]}
        assert kind in kinds, kinds
        versions = client.list_object_versions(Bucket="versioned", Prefix=key)
        assert len(versions["Versions"]) == 2 and len(versions["DeleteMarkers"]) == 1
        # What stands there for good is the old version; with the new one and the marker gone, all holds again.
        for version in [versions["Versions"][0], versions["DeleteMarkers"][0]]:
            client.delete_object(Bucket="versioned", Key=key, VersionId=version["VersionId"])
        assert gate.audit(store, variables)["findings"] == []
    print("a delete marker and a new object behind it: found in the middle and at the end of the log", flush=True)


def synchronised(gate, work, store, variables):
    copy = work / "copy"
    ran = gate.run("store", "sync", store, copy, variables=variables)
    assert ran.returncode == 0, ran.stderr
    there, here = gate.audit(store, variables), gate.audit(copy)
    assert there == here, (there, here)
    print(f"store sync {store}: {ran.stdout.strip()}", flush=True)
    shutil.rmtree(copy)


def refused(gate, work, variables):
    """Nothing of the credentials is in what a store that cannot be had is answered with."""
    secret = {**variables, "AWS_SECRET_ACCESS_KEY": "hunter2hunter2", "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    out = work / "undelivered"
    ran = subprocess.run(gate.check("s3://race/none", out), env=environment({**secret, "HOME": str(work)}),
                         capture_output=True, text=True)
    assert ran.returncode == 4, ran.stderr
    assert f"modelgate evidence push {out} --store s3://race/none" in ran.stderr, ran.stderr
    assert list(out.glob("*.verdict.sigstore.json")), "the signed evidence is not there"
    assert "hunter2" not in ran.stderr + ran.stdout, ran.stderr


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--modelgate", type=Path, required=True)
    parser.add_argument("--test", nargs="+", default=["cargo", "test", "--release", "--lib", "--"])
    parser.add_argument("--writers", type=int, default=32)
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--azurite", type=Path, help="directory for azurite; without it Azure is left out")
    parser.add_argument("--only", nargs="+", default=["directory", "kill", "s3", "azure"])
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        work = Path(directory)
        gate = Gate(arguments.modelgate.resolve(), work)
        counts = (arguments.writers, arguments.runs)
        if "directory" in arguments.only:
            race(arguments.test, str(work / "raced"), {}, *counts)
            assert gate.audit(work / "raced")["findings"] == []
        if "kill" in arguments.only:
            kill(gate, work, arguments.kills)
        if "s3" in arguments.only:
            with moto() as endpoint:
                make_bucket(endpoint, "race")
                gate.init("s3://race/store", s3_variables(endpoint))
                race(arguments.test, "s3://race/store", s3_variables(endpoint), *counts)
                synchronised(gate, work, "s3://race/store", s3_variables(endpoint))
                delete_marker(gate, work, endpoint)
                refused(gate, work, s3_variables(endpoint))
        if "azure" in arguments.only and arguments.azurite:
            with azurite(arguments.azurite, work) as endpoint:
                make_container(endpoint, "race")
                gate.init("az://race/store", azure_variables(endpoint))
                race(arguments.test, "az://race/store", azure_variables(endpoint), *counts)


if __name__ == "__main__":
    main()
