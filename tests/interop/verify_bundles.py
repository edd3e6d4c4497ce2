#!/usr/bin/env python3
"""Verifies modelgate's bundles with verifiers that know nothing of modelgate.

    verify_bundles.py EVIDENCE PUBLIC_KEY RELEASE

EVIDENCE is the directory with the `*.sigstore.json` files, PUBLIC_KEY the PEM of the key that signed
them, RELEASE the directory that the paths in them are relative to.

Two verifiers are installed into a cache (`--cache`): @sigstore/verify by npm, and cosign from Debian
unless one is on the path. One that cannot be had is said and left out; without any, the run fails.
Each check must also be able to fail: a changed payload, a foreign key and a foreign file are tried.
"""

import argparse
import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
VERDICT = "https://slsa.dev/verification_summary/v1"
EVALUATION = "https://in-toto.io/attestation/test-result/v0.1"
INSTALL_SECONDS = 600
VERIFY_SECONDS = 60


class Report:
    """Counts what passed and failed, a line for each."""

    def __init__(self):
        self.passed = 0
        self.failed = 0

    def check(self, name, holds, detail=""):
        if holds:
            self.passed += 1
            print(f"pass  {name}")
        else:
            self.failed += 1
            # Of what a verifier said, the last line is the reason.
            reason = detail.strip().splitlines()[-1:]
            print(": ".join([f"FAIL  {name}", *reason]))


def run(command, seconds, **options):
    return subprocess.run(
        [str(part) for part in command],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=seconds, **options,
    )


class SigstoreJs:
    """@sigstore/verify, at the version that package-lock.json pins. It checks the signature alone."""

    def __init__(self, cache):
        if not (shutil.which("npm") and shutil.which("node")):
            raise RuntimeError("npm and node are not on the path")
        self.modules = cache / "npm"
        self.modules.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copyfile(HERE / name, self.modules / name)
        # Pure JavaScript with no install scripts to run; an older Node than it is tested with will do.
        install = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--engine-strict=false"]
        installed = run(install, INSTALL_SECONDS, cwd=self.modules)
        if installed.returncode != 0:
            raise RuntimeError(installed.stdout.strip())
        package = self.modules / "node_modules/@sigstore/verify/package.json"
        self.name = f"@sigstore/verify {json.loads(package.read_text())['version']}"
        self.binds_subjects = False

    def verify(self, bundle, key, _predicate_type, _digest):
        result = run(["node", HERE / "sigstore_verify.mjs", self.modules, key, bundle], VERIFY_SECONDS)
        return result.returncode == 0, result.stdout.strip()


class Cosign:
    """cosign. It checks the signature, the predicate type, and that a digest is among the subjects."""

    def __init__(self, cache):
        found = shutil.which("cosign")
        self.program = Path(found) if found else self.from_debian(cache / "debian")
        version = run([self.program, "version", "--json"], VERIFY_SECONDS)
        if version.returncode != 0:
            raise RuntimeError(version.stdout.strip())
        self.name = f"cosign {json.loads(version.stdout)['gitVersion']}"
        package = self.program.parents[2] / "version"
        if package.is_file():
            # Debian's build calls itself "devel".
            self.name = f"cosign {package.read_text()}"
        self.binds_subjects = True
        self.home = tempfile.mkdtemp(prefix="modelgate-interop-home-")

    @staticmethod
    def from_debian(root):
        """Unpacks Debian's package beside the system, with apt's own check of the archive's signature."""
        program = root / "unpacked/usr/bin/cosign"
        if program.exists():
            return program
        keyring = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
        if not (shutil.which("apt-get") and shutil.which("dpkg") and keyring.exists()):
            raise RuntimeError("cosign is not on the path, and this is not Debian")
        for directory in ("state/lists/partial", "cache/archives/partial", "etc"):
            (root / directory).mkdir(parents=True, exist_ok=True)
        source = f"deb [signed-by={keyring}] http://deb.debian.org/debian sid main\n"
        (root / "etc/sources.list").write_text(source)
        configuration = root / "apt.conf"
        configuration.write_text(
            f'Dir::State "{root}/state";\n'
            'Dir::State::status "/var/lib/dpkg/status";\n'
            f'Dir::Cache "{root}/cache";\n'
            f'Dir::Etc::sourcelist "{root}/etc/sources.list";\n'
            'Dir::Etc::sourceparts "-";\n'
        )
        environment = {**os.environ, "APT_CONFIG": str(configuration)}
        for command in (["apt-get", "update"], ["apt-get", "download", "cosign/sid"]):
            done = run(command, INSTALL_SECONDS, cwd=root, env=environment)
            if done.returncode != 0:
                raise RuntimeError(done.stdout.strip())
        package = max(root.glob("cosign_*.deb"))
        unpacked = run(["dpkg", "-x", package, root / "unpacked"], INSTALL_SECONDS)
        if unpacked.returncode != 0:
            raise RuntimeError(unpacked.stdout.strip())
        (root / "unpacked/version").write_text(package.name.split("_")[1])
        return program

    def verify(self, bundle, key, predicate_type, digest):
        # An empty home: nothing that an earlier run cached takes part.
        result = run(
            [
                self.program, "verify-blob-attestation", "--bundle", bundle, "--key", key, "--type", predicate_type,
                "--insecure-ignore-tlog", "--digest", digest, "--digestAlg", "sha256",
            ],
            VERIFY_SECONDS, env={**os.environ, "HOME": self.home},
        )
        return result.returncode == 0, result.stdout.strip()


def verifiers(cache):
    found = []
    for kind in (SigstoreJs, Cosign):
        try:
            found.append(kind(cache))
            print(f"with  {found[-1].name}")
        except (RuntimeError, OSError, subprocess.TimeoutExpired) as error:
            lines = str(error).splitlines()
            print(f"without {kind.__name__}: {lines[-1] if lines else error}")
    return found


def payload_of(bundle):
    return base64.b64decode(bundle["dsseEnvelope"]["payload"], validate=True)


def tampered(bundle):
    """The bundle with a statement about another release, and the old signature."""
    changed = json.loads(json.dumps(bundle))
    statement = json.loads(payload_of(bundle))
    predicate = statement["predicate"]
    if statement["predicateType"] == VERDICT:
        predicate["verificationResult"] = "PASSED" if predicate["verificationResult"] == "FAILED" else "FAILED"
    else:
        predicate["failedTests"] = ["nothing"]
    changed["dsseEnvelope"]["payload"] = base64.b64encode(json.dumps(statement).encode()).decode()
    return changed


def path_of(subject, predicate_type):
    """Where a subject is below the release: an evaluation record puts the role before the path."""
    return subject["name"] if predicate_type == VERDICT else subject["name"].split("/", 1)[1]


def hint_of(key):
    pem = run(["openssl", "pkey", "-pubin", "-in", key, "-outform", "PEM"], VERIFY_SECONDS).stdout
    body = "".join(line for line in pem.splitlines() if not line.startswith("-----"))
    return base64.b64encode(hashlib.sha256(base64.b64decode(body)).digest()).decode()


def check_content(report, name, bundle, release, key):
    """What the verifiers leave to whoever calls them. Gives the statement's type and digests."""
    statement = json.loads(payload_of(bundle))
    kind = statement["predicateType"]
    report.check(f"{name}: the statement is of a known type", kind in (VERDICT, EVALUATION), kind)
    report.check(
        f"{name}: the hint names the key",
        bundle["verificationMaterial"]["publicKey"]["hint"] == hint_of(key),
    )
    digests = []
    for subject in statement["subject"]:
        file = release / path_of(subject, kind)
        found = hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else "no such file"
        report.check(f"{name}: {subject['name']} is the file", subject["digest"] == {"sha256": found}, found)
        digests.append(subject["digest"]["sha256"])
    return kind, digests


def check_bundle(report, verifier, name, bundle, kind, digests, key, scratch):
    def verify(content, with_key, digest, label):
        file = scratch / label / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(content))
        return verifier.verify(file, with_key, kind, digest)

    # Every subject where the verifier looks at them.
    for digest in digests if verifier.binds_subjects else digests[:1]:
        holds, said = verify(bundle, key, digest, "sound")
        about = f" for sha256:{digest[:12]}" if verifier.binds_subjects else ""
        report.check(f"{verifier.name}: {name} verifies{about}", holds, said)
    holds, _ = verify(tampered(bundle), key, digests[0], "tampered")
    report.check(f"{verifier.name}: {name} with a changed payload is refused", not holds)
    foreign = scratch / "foreign.pub"
    holds, _ = verify(bundle, foreign, digests[0], "foreign")
    report.check(f"{verifier.name}: {name} is refused for a foreign key", not holds)
    if verifier.binds_subjects:
        holds, _ = verify(bundle, key, hashlib.sha256(b"a foreign file").hexdigest(), "file")
        report.check(f"{verifier.name}: {name} is refused for a foreign file", not holds)


def make_foreign_key(scratch):
    private = scratch / "foreign.pem"
    run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", private], VERIFY_SECONDS, check=True)
    run(["openssl", "ec", "-in", private, "-pubout", "-out", scratch / "foreign.pub"], VERIFY_SECONDS, check=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("evidence", type=Path)
    parser.add_argument("public_key", type=Path)
    parser.add_argument("release", type=Path)
    default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "modelgate-interop"
    parser.add_argument("--cache", type=Path, default=default, help="directory for the verifiers [default: %(default)s]")
    arguments = parser.parse_args()

    report = Report()
    bundles = sorted(arguments.evidence.glob("*.sigstore.json"))
    report.check(f"{arguments.evidence} holds bundles", bool(bundles))
    cache = arguments.cache.resolve()
    cache.mkdir(parents=True, exist_ok=True)
    found = verifiers(cache)
    report.check("an independent verifier is there", bool(found))
    with tempfile.TemporaryDirectory(prefix="modelgate-interop-") as directory:
        scratch = Path(directory)
        make_foreign_key(scratch)
        kinds = {}
        for file in bundles:
            bundle = json.loads(file.read_text())
            kind, digests = check_content(report, file.name, bundle, arguments.release, arguments.public_key)
            kinds.setdefault(kind, set()).update(digests)
            for verifier in found:
                check_bundle(report, verifier, file.name, bundle, kind, digests, arguments.public_key, scratch)
        judged = kinds.get(EVALUATION, set())
        verdicts = kinds.get(VERDICT, set())
        report.check("the inputs were judged, and only artifacts have a verdict", bool(verdicts) and verdicts < judged)
    print(f"{report.passed} passed, {report.failed} failed")
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
