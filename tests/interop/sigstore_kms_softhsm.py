#!/usr/bin/env python3
"""A plugin of Sigstore's KMS protocol over a PKCS#11 module, by OpenSC's pkcs11-tool.

Installed as `sigstore-kms-softhsm`, it signs with the key that `softhsm://LABEL` names. SOFTHSM_MODULE is the
module's path, SOFTHSM_PIN the user's PIN; SoftHSM itself is told by SOFTHSM2_CONF where its tokens are.
"""

import base64
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

PROTOCOL = "v1"


def pkcs11(*arguments):
    command = ["pkcs11-tool", "--module", os.environ["SOFTHSM_MODULE"], *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=30)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.decode(errors="replace").strip().splitlines()[-1])


def public_key(label, scratch):
    file = scratch / "public.der"
    pkcs11("--read-object", "--type", "pubkey", "--label", label, "--output-file", str(file))
    body = base64.encodebytes(file.read_bytes()).decode().replace("\n", "")
    lines = [body[at:at + 64] for at in range(0, len(body), 64)]
    pem = "\n".join(["-----BEGIN PUBLIC KEY-----", *lines, "-----END PUBLIC KEY-----", ""])
    return {"publicKey": {"publicKeyPEM": base64.b64encode(pem.encode()).decode()}}


def sign(label, options, scratch):
    message = sys.stdin.buffer.read()
    digest = options.get("messageOptions", {}).get("digest")
    digest = base64.b64decode(digest) if digest else hashlib.sha256(message).digest()
    (scratch / "digest").write_bytes(digest)
    pkcs11(
        "--sign", "--mechanism", "ECDSA", "--signature-format", "openssl", "--login", "--pin", "env:SOFTHSM_PIN",
        "--label", label, "--input-file", str(scratch / "digest"), "--output-file", str(scratch / "signature"),
    )
    signature = (scratch / "signature").read_bytes()
    return {"signMessage": {"signature": base64.b64encode(signature).decode()}}


def answer(version, arguments):
    if version != PROTOCOL:
        return {"errorMessage": f"protocol {version} is not spoken, {PROTOCOL} is"}
    label = arguments["initOptions"]["keyResourceID"]
    with tempfile.TemporaryDirectory() as directory:
        scratch = Path(directory)
        if arguments["methodName"] == "publicKey":
            return public_key(label, scratch)
        if arguments["methodName"] == "signMessage":
            return sign(label, arguments["signMessage"]["signOptions"], scratch)
    return {"errorMessage": f"{arguments['methodName']} is not spoken"}


if __name__ == "__main__":
    try:
        said = answer(sys.argv[1], json.loads(sys.argv[2]))
    except Exception as error:
        said = {"errorMessage": str(error)}
    print(json.dumps(said))
