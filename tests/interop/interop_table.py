#!/usr/bin/env python3
"""Signs with every kind of key and has it verified by everybody else, and the other way round.

    interop_table.py --modelgate BINARY (--check | --write) docs/interop.md

Every cell of the table in that file is run, and each is "yes" only if what is sound verifies and what was
tampered with does not. `--check` fails if a cell does not come to what the file says, so that the file cannot say
what is no longer so; versions are noted when it is written and not compared.

Beside what verify_bundles.py needs: model-signing and securesystemslib (requirements.txt), OpenSSL, and for the
key in a PKCS#11 module softhsm2 and opensc.
"""

import argparse
import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import SSlibKey

from verify_bundles import VERDICT, Cosign, SigstoreJs, make_foreign_key, payload_of, run, tampered

HERE = Path(__file__).resolve().parent
RELEASE = HERE.parents[1] / "fixtures/credit-scoring/approved"
SECONDS = 120
PASSPHRASE = "correct horse battery staple"
MODULES = [
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
]
MARKS = ("<!-- table -->", "<!-- end of table -->")


class Securesystemslib:
    """securesystemslib's DSSE. It matches keys by their ids: ours has none."""

    name = "securesystemslib"

    def verify(self, bundle, key, _predicate_type, _digest):
        envelope = json.loads(Path(bundle).read_text())["dsseEnvelope"]
        for signature in envelope["signatures"]:
            signature.setdefault("keyid", "")
        pem = Path(key).read_text()
        text = run(["openssl", "pkey", "-pubin", "-in", key, "-noout", "-text"], SECONDS).stdout
        if "ED25519" in text.upper():
            der = subprocess.run(
                ["openssl", "pkey", "-pubin", "-in", str(key), "-outform", "DER"], stdout=subprocess.PIPE, check=True
            ).stdout
            known = SSlibKey("", "ed25519", "ed25519", {"public": der[-32:].hex()})
        else:
            known = SSlibKey("", "ecdsa", "ecdsa-sha2-nistp256", {"public": pem})
        try:
            Envelope.from_dict(envelope).verify([known], 1)
            return True, ""
        except VerificationError as error:
            return False, str(error)


class Work:
    """A scratch directory, and the programs."""

    def __init__(self, modelgate, scratch, cosign):
        self.modelgate = modelgate.resolve()
        self.scratch = scratch
        self.cosign = cosign
        self.environment = {
            **{name: value for name, value in os.environ.items() if name not in ("CI", "GITHUB_ACTIONS", "GITLAB_CI")},
            "XDG_CONFIG_HOME": str(scratch / "config"),
            "HOME": cosign.home,
            "PATH": f"{scratch / 'bin'}:{os.environ['PATH']}",
        }
        self.release = scratch / "release"
        shutil.copytree(RELEASE, self.release)
        # Names that the specification and model_signing 1.1.1 sort differently.
        entry = "  - path: model/model.onnx\n    role: model\n"
        for name in ("a/x.json", "a-y.json", "a.json"):
            file = self.release / "model" / name
            file.parent.mkdir(exist_ok=True)
            file.write_text(json.dumps({"name": name}))
            entry += f"  - path: model/{name}\n    role: configuration\n"
        manifest = self.release / "modelgate.yaml"
        text = manifest.read_text()
        old = "  - path: model/model.onnx\n    role: model\n"
        assert old in text
        manifest.write_text(text.replace(old, entry))

    def run(self, command, **variables):
        return run(command, SECONDS, cwd=self.scratch, env={**self.environment, **variables})

    def must(self, command, **variables):
        done = self.run(command, **variables)
        if done.returncode != 0:
            raise RuntimeError(f"{command}: {done.stdout}")
        return done

    def check(self, name, key, **variables):
        """The evidence of a check that is signed with `key`."""
        out = self.scratch / f"evidence-{name}"
        self.must(
            [self.modelgate, "check", self.release, "--key", key, "--out", out, "--store", self.scratch / f"store-{name}"],
            **variables,
        )
        return out

    def verify(self, *arguments):
        done = self.run([self.modelgate, "verify", *arguments])
        if done.returncode not in (0, 1):
            raise RuntimeError(done.stdout)
        return done.returncode == 0


def p256(work):
    work.must([work.modelgate, "keygen", "pkcs8.pem"])
    return "pkcs8.pem", "pkcs8.pem.pub", {}


def ed25519(work):
    work.must([work.modelgate, "keygen", "ed25519.pem", "--algorithm", "ed25519"])
    return "ed25519.pem", "ed25519.pem.pub", {}


def openssl_key(work, name):
    work.must(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-out", f"{name}.pem"])
    work.must(["openssl", "ec", "-in", f"{name}.pem", "-pubout", "-out", f"{name}.pub"])
    (work.scratch / f"{name}.pem").chmod(0o600)


def sec1(work):
    openssl_key(work, "sec1")
    return "sec1.pem", "sec1.pub", {}


def encrypted(work):
    variables = {"MODELGATE_KEY_PASSWORD": PASSPHRASE}
    work.must([work.modelgate, "keygen", "encrypted.pem", "--encrypt"], **variables)
    # OpenSSL opens it, too.
    work.must(["openssl", "pkey", "-in", "encrypted.pem", "-passin", f"pass:{PASSPHRASE}", "-noout"])
    return "encrypted.pem", "encrypted.pem.pub", variables


def encrypted_by_openssl(work):
    openssl_key(work, "plain")
    work.must(["openssl", "pkcs8", "-topk8", "-in", "plain.pem", "-out", "pbes2.pem", "-passout", f"pass:{PASSPHRASE}"])
    (work.scratch / "pbes2.pem").chmod(0o600)
    return "pbes2.pem", "plain.pub", {"MODELGATE_KEY_PASSWORD": PASSPHRASE}


def encrypted_by_cosign(work):
    variables = {"COSIGN_PASSWORD": PASSPHRASE}
    work.must([work.cosign.program, "generate-key-pair", "--output-key-prefix", "cosign"], **variables)
    return "cosign.key", "cosign.pub", variables


def in_module(work):
    module = next((path for path in MODULES if Path(path).exists()), None)
    if module is None:
        raise RuntimeError("softhsm2 is not installed")
    (work.scratch / "bin").mkdir()
    (work.scratch / "tokens").mkdir()
    plugin = work.scratch / "bin/sigstore-kms-softhsm"
    shutil.copyfile(HERE / "sigstore_kms_softhsm.py", plugin)
    plugin.chmod(0o755)
    configuration = work.scratch / "softhsm2.conf"
    configuration.write_text(f"directories.tokendir = {work.scratch / 'tokens'}\nobjectstore.backend = file\n")
    variables = {"SOFTHSM2_CONF": str(configuration), "SOFTHSM_MODULE": module, "SOFTHSM_PIN": "97531"}
    work.must(
        ["softhsm2-util", "--init-token", "--free", "--label", "modelgate", "--so-pin", "12468", "--pin", "97531"],
        **variables,
    )
    work.must(
        ["pkcs11-tool", "--module", module, "--login", "--pin", "env:SOFTHSM_PIN", "--keypairgen", "--key-type",
         "EC:prime256v1", "--label", "release"],
        **variables,
    )
    # cosign speaks the same protocol with the same plugin.
    public = work.must([work.cosign.program, "public-key", "--key", "softhsm://release"], **variables).stdout
    (work.scratch / "softhsm.pub").write_text(public)
    return "softhsm://release", "softhsm.pub", variables


KEYS = [
    ("P-256, PKCS#8 (`modelgate keygen`)", p256),
    ("Ed25519, PKCS#8 (`modelgate keygen --algorithm ed25519`)", ed25519),
    ("P-256, SEC 1 (`openssl ecparam -genkey`)", sec1),
    ("P-256, encrypted PKCS#8 (`modelgate keygen --encrypt`)", encrypted),
    ("P-256, encrypted PKCS#8 (`openssl pkcs8 -topk8`)", encrypted_by_openssl),
    ("P-256, encrypted by cosign (`cosign generate-key-pair`)", encrypted_by_cosign),
    ("P-256 in a PKCS#11 module (SoftHSM, by a plugin)", in_module),
]


def cell(*outcomes):
    """`yes` if everything that must hold does, or what does not."""
    failed = [name for name, holds in outcomes if not holds]
    return "yes" if not failed else "NO: " + ", ".join(failed)


def bundles_of(evidence):
    found = sorted(evidence.glob("*.sigstore.json"))
    assert len(found) == 2, found
    return found


def verified_by(verifier, work, evidence, key):
    foreign = work.scratch / "foreign.pub"
    outcomes = []
    for file in bundles_of(evidence):
        bundle = json.loads(file.read_text())
        statement = json.loads(payload_of(bundle))
        kind, digest = statement["predicateType"], statement["subject"][0]["digest"]["sha256"]
        changed = work.scratch / "changed.sigstore.json"
        changed.write_text(json.dumps(tampered(bundle)))
        what = "verdict" if kind == VERDICT else "evaluation"
        outcomes += [
            (f"the {what} does not verify", verifier.verify(file, key, kind, digest)[0]),
            (f"a changed {what} verifies", not verifier.verify(changed, key, kind, digest)[0]),
            (f"the {what} verifies for a foreign key", not verifier.verify(file, foreign, kind, digest)[0]),
        ]
    return cell(*outcomes)


def verified_by_us(work, evidence, key):
    outcomes = []
    for file, kind in zip(bundles_of(evidence), (["--evaluation"], [])):
        changed = work.scratch / "changed.sigstore.json"
        changed.write_text(json.dumps(tampered(json.loads(file.read_text()))))
        outcomes += [
            (f"{file.name} does not verify", work.verify(file, "--key", key, *kind)),
            (f"a changed {file.name} verifies", not work.verify(changed, "--key", key, *kind)),
            (f"{file.name} verifies for a foreign key", not work.verify(file, "--key", "foreign.pub", *kind)),
        ]
    return cell(*outcomes)


def model_verified_by_model_signing(work, evidence, key):
    signature = evidence / "model.sig"
    if not signature.exists():
        return "not made"
    model = work.release / "model"

    def verify(with_key):
        command = [sys.executable, "-m", "model_signing", "verify", "key", model, "--signature", signature]
        return work.run([*command, "--public_key", with_key]).returncode == 0

    outcomes = [("it does not verify", verify(key)), ("it verifies for a foreign key", not verify("foreign.pub"))]
    extra = model / "extra.py"
    extra.write_text("")
    outcomes.append(("an added file is not seen", not verify(key)))
    extra.unlink()
    return cell(*outcomes)


def our_rows(work, verifiers):
    rows = []
    for name, make in KEYS:
        reference, public, variables = make(work)
        key = work.scratch / public
        evidence = work.check(make.__name__, reference, **variables)
        ours = verified_by_us(work, evidence, key)
        cells = [verified_by(verifier, work, evidence, key) for verifier in verifiers]
        rows.append([name, *cells, model_verified_by_model_signing(work, evidence, key), ours])
    return rows


def cosign_statement(work, key, public, **variables):
    """Our verdict's statement, signed by cosign."""
    bundle = next(file for file in bundles_of(work.scratch / "evidence-p256") if ".verdict." in file.name)
    (work.scratch / "statement.json").write_bytes(payload_of(json.loads(bundle.read_text())))
    out = work.scratch / "cosign.sigstore.json"
    out.unlink(missing_ok=True)
    work.must(
        [work.cosign.program, "attest-blob", "--statement", "statement.json", "--key", key, "--bundle", out, "--yes",
         "--use-signing-config=false", "--tlog-upload=false"],
        **variables,
    )
    changed = work.scratch / "cosign-changed.sigstore.json"
    changed.write_text(json.dumps(tampered(json.loads(out.read_text()))))
    model = work.release / "model/model.onnx"
    return cell(
        ("it does not verify", work.verify(out, "--key", public, "--artifact", model)),
        ("a changed payload verifies", not work.verify(changed, "--key", public)),
        ("it verifies for a foreign key", not work.verify(out, "--key", "foreign.pub")),
        ("it verifies for a foreign file", not work.verify(out, "--key", public, "--artifact", "statement.json")),
    )


def model_signed_by_model_signing(work, hashing):
    model = work.scratch / "model"
    shutil.rmtree(model, ignore_errors=True)
    for name in ("a/x.bin", "a-y.bin", "a.json"):
        (model / name).parent.mkdir(parents=True, exist_ok=True)
        (model / name).write_text(name * 9)
    program = (
        "import model_signing as m\n"
        f"hashing = m.hashing.Config().{hashing}\n"
        "hashing.set_ignored_paths(paths=[], ignore_git_paths=True)\n"
        "signing = m.signing.Config().use_elliptic_key_signer(private_key='pkcs8.pem')\n"
        "signing.set_hashing_config(hashing).sign('model', 'theirs.sig')\n"
    )
    work.must([sys.executable, "-c", program])

    def verify(key="pkcs8.pem.pub"):
        return work.verify("--model", model, "--signature", "theirs.sig", "--key", key)

    outcomes = [("it does not verify", verify()), ("it verifies for a foreign key", not verify("foreign.pub"))]
    for what, change in (
        ("a changed file", lambda: (model / "a.json").write_text("x" * 54)),
        ("a renamed file", lambda: (model / "a.json").rename(model / "b.json")),
        ("an added file", lambda: (model / "extra.py").write_text("x")),
    ):
        kept = work.scratch / "kept"
        shutil.copytree(model, kept)
        change()
        outcomes.append((f"{what} is not seen", not verify()))
        shutil.rmtree(model)
        kept.rename(model)
    return cell(*outcomes)


def their_rows(work):
    variables = {"COSIGN_PASSWORD": PASSPHRASE}
    module = next((path for path in MODULES if Path(path).exists()), "")
    hsm = {"SOFTHSM2_CONF": str(work.scratch / "softhsm2.conf"), "SOFTHSM_MODULE": module, "SOFTHSM_PIN": "97531"}
    blake3 = model_signed_by_model_signing(work, "use_file_serialization(hashing_algorithm='blake3')")
    return [
        ["a verdict by `cosign attest-blob`, key of cosign's", cosign_statement(work, "cosign.key", "cosign.pub", **variables)],
        ["a verdict by `cosign attest-blob`, key in SoftHSM", cosign_statement(work, "softhsm://release", "softhsm.pub", **hsm)],
        ["a model by model-signing, whole files", model_signed_by_model_signing(work, "use_file_serialization()")],
        ["a model by model-signing, shards", model_signed_by_model_signing(work, "use_shard_serialization(shard_size=10)")],
        ["a model by model-signing, BLAKE3", "refused, as said" if blake3 == "NO: it does not verify" else blake3],
    ]


def table(head, rows):
    lines = ["| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rows]]
    return "\n".join(lines) + "\n"


def generated(work, verifiers):
    # In this order: the second uses keys and evidence of the first.
    names = [verifier.name.split(" ")[0] for verifier in verifiers]
    ours = table(["signed by modelgate with", *names, "`model.sig`: model-signing", "modelgate"], our_rows(work, verifiers))
    theirs = table(["signed by others", "verified by modelgate"], their_rows(work))
    return f"{MARKS[0]}\n{ours}\n{theirs}{MARKS[1]}"


def version_of(package):
    from importlib.metadata import version

    return f"{package} {version(package)}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("document", type=Path)
    parser.add_argument("--modelgate", type=Path, required=True)
    mode = parser.add_mutually_exclusive_group(required=True)
    mode.add_argument("--check", action="store_true")
    mode.add_argument("--write", action="store_true")
    default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "modelgate-interop"
    parser.add_argument("--cache", type=Path, default=default, help="directory for the verifiers [default: %(default)s]")
    arguments = parser.parse_args()
    cache = arguments.cache.resolve()
    cache.mkdir(parents=True, exist_ok=True)

    cosign = Cosign(cache)
    verifiers = [cosign, SigstoreJs(cache), Securesystemslib()]
    with tempfile.TemporaryDirectory(prefix="modelgate-interop-") as directory:
        work = Work(arguments.modelgate, Path(directory), cosign)
        make_foreign_key(work.scratch)
        found = generated(work, verifiers)
    print(found)
    text = arguments.document.read_text()
    before, rest = text.split(MARKS[0])
    after = rest.split(MARKS[1])[1]
    if arguments.check:
        if MARKS[0] + rest.split(MARKS[1])[0] + MARKS[1] == found and "NO: " not in found:
            return 0
        print(f"{arguments.document} says something else, or a cell does not hold", file=sys.stderr)
        return 1
    versions = [cosign.name, verifiers[1].name, version_of("securesystemslib"), version_of("model-signing")]
    lines = after.splitlines()
    lines = [f"Last written with {', '.join(versions)}." if line.startswith("Last written with") else line for line in lines]
    arguments.document.write_text(before + found + "\n".join(lines) + "\n")
    return 0 if "NO: " not in found else 1


if __name__ == "__main__":
    sys.exit(main())
