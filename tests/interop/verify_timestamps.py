#!/usr/bin/env python3
"""Verifies with cosign what modelgate had time-stamped, and what it signed without a key.

    verify_timestamps.py --modelgate BINARY --cache DIRECTORY [--keyless]

Services are those of `sigstore_instance.py`, on loopback. With `--keyless` the binary has to have that feature. Each check
must also be able to fail: another trusted root, another identity and another file are tried.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import sigstore_instance
from verify_bundles import VERDICT, VERIFY_SECONDS, Cosign, Report, run

HERE = Path(__file__).resolve().parent
RELEASE = HERE.parent.parent / "fixtures/credit-scoring/approved"
ARTIFACT = RELEASE / "model/model.onnx"
START_SECONDS = 60


@contextmanager
def instance(directory):
    """A running instance in a directory; gives its address."""
    script = [sys.executable, HERE / "sigstore_instance.py"]
    subprocess.run([*script, "make", directory], check=True)
    server = subprocess.Popen([*script, "serve", directory, "--seconds", "300"])
    try:
        begun = time.monotonic()
        while not (directory / "port").exists():
            if time.monotonic() - begun > START_SECONDS:
                raise RuntimeError("the instance did not start")
            time.sleep(0.05)
        yield f"http://127.0.0.1:{(directory / 'port').read_text()}"
    finally:
        server.terminate()
        server.wait()


def check(modelgate, work, name, options, variables=None):
    """Runs `modelgate check`, and gives the verdict's bundle and the public key's file."""
    out = work / name
    environment = {"PATH": os.environ["PATH"], "HOME": str(work), **(variables or {})}
    command = [modelgate, "check", RELEASE, "--store", work / f"{name}-store", "--out", out, *options]
    done = run(command, VERIFY_SECONDS, env=environment)
    if done.returncode != 0:
        raise RuntimeError(done.stdout)
    return next(out.glob("*.verdict.sigstore.json")), out / "public-key.pem"


def verify(cosign, bundle, root, artifact, options):
    command = [
        cosign.program, "verify-blob-attestation", "--bundle", bundle, "--trusted-root", root, "--type", VERDICT,
        "--use-signed-timestamps", *options, artifact,
    ]
    done = run(command, VERIFY_SECONDS, env={**os.environ, "HOME": cosign.home})
    return done.returncode == 0, done.stdout.strip()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--modelgate", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--keyless", action="store_true")
    arguments = parser.parse_args()
    modelgate, report = arguments.modelgate.resolve(), Report()
    cosign = Cosign(arguments.cache.resolve())
    with tempfile.TemporaryDirectory() as work:
        work = Path(work)
        other = work / "other"
        subprocess.run([sys.executable, HERE / "sigstore_instance.py", "make", other], check=True)
        other = other / "trusted_root.json"
        with instance(work / "instance") as url:
            root = work / "instance/trusted_root.json"
            if arguments.keyless:
                name = f"{cosign.name}: signed without a key"
                bundle, _ = check(
                    modelgate, work, "keyless",
                    ["--keyless", "--fulcio-url", url, "--rekor-url", url, "--timestamp-url", f"{url}/timestamp",
                     "--trusted-root", root],
                    {"GITHUB_ACTIONS": "true", "ACTIONS_ID_TOKEN_REQUEST_URL": f"{url}/token?api-version=2.0",
                     "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "runner"},
                )
                # The instance has no certificate transparency log.
                signer = ["--insecure-ignore-sct", "--certificate-oidc-issuer", sigstore_instance.ISSUER]
                wanted = [*signer, "--certificate-identity", sigstore_instance.WORKFLOW]
                foreign = [*signer, "--certificate-identity", "https://github.com/example/other"]
            else:
                name = f"{cosign.name}: time-stamped"
                bundle, key = check(
                    modelgate, work, "timestamped",
                    ["--timestamp-url", f"{url}/timestamp", "--timestamp-certificate", work / "instance/tsa/ca.pem"],
                )
                wanted = ["--insecure-ignore-tlog", "--key", key]
                run([modelgate, "keygen", work / "other.pem"], VERIFY_SECONDS)
                foreign = ["--insecure-ignore-tlog", "--key", work / "other.pem.pub"]
            report.check(f"{name}", *verify(cosign, bundle, root, ARTIFACT, wanted))
            for what, trusted, artifact, options in (
                ("another trusted root", other, ARTIFACT, wanted),
                ("another signer", root, ARTIFACT, foreign),
                ("another file", root, RELEASE / "modelgate.yaml", wanted),
            ):
                holds, _ = verify(cosign, bundle, trusted, artifact, options)
                report.check(f"{name}: {what} is refused", not holds)
    sys.exit(1 if report.failed or not report.passed else 0)


if __name__ == "__main__":
    main()
