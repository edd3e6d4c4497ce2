#!/usr/bin/env python3
"""A Sigstore instance on loopback, for tests: a certificate authority (Fulcio v2), a log (Rekor v2), a time-stamping service
and a token service as GitHub Actions has one. All cryptography is openssl's.

    sigstore_instance.py make DIRECTORY
    sigstore_instance.py serve DIRECTORY [--seconds 120] [--fault NAME]

`make` writes the keys and `trusted_root.json`; `serve` writes its port into DIRECTORY/port and ends by itself. A fault makes
one service answer wrongly: `other-certificate`, `other-entry`, `wrong-checkpoint`, `no-log`, `no-certificate`, `no-token`.
"""

import argparse
import base64
import hashlib
import json
import subprocess
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import timestamp_authority

WORKFLOW = "https://github.com/example/release/.github/workflows/gate.yml@refs/heads/main"
ISSUER = "https://token.actions.example.org"
ORIGIN = "rekor.example.org"
SINCE = {"start": "2020-01-01T00:00:00Z"}
FAULTS = ["other-certificate", "other-entry", "wrong-checkpoint", "no-log", "no-certificate", "no-token"]
BODY_BYTES_MAX = 1 << 20


def openssl(*arguments, given=b""):
    done = subprocess.run(["openssl", *map(str, arguments)], input=given, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.decode())
    return done.stdout


def encoded(data):
    return base64.b64encode(data).decode()


def certificate_der(path):
    return openssl("x509", "-in", path, "-outform", "DER")


def public_der(path):
    return openssl("pkey", "-in", path, "-pubout", "-outform", "DER")


def make(directory):
    timestamp_authority.make(directory / "tsa", "p256")
    common = ["-config", directory / "tsa/openssl.cnf", "-section", "request", "-nodes"]
    openssl(
        "req", "-x509", *timestamp_authority.KEYS["p256"], *common, "-subj", "/CN=modelgate test fulcio", "-days", 36500,
        "-keyout", directory / "fulcio.key", "-out", directory / "fulcio.pem",
        "-addext", "basicConstraints = critical, CA:TRUE", "-addext", "keyUsage = critical, keyCertSign, cRLSign",
        "-addext", "subjectKeyIdentifier = hash",
    )
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", directory / "rekor.key")
    log_key = public_der(directory / "rekor.key")
    chain = [certificate_der(directory / "tsa" / name) for name in ("service.pem", "ca.pem")]
    subject = {"organization": "example.org", "commonName": "modelgate test"}
    root = {
        "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
        "tlogs": [{
            "baseUrl": f"https://{ORIGIN}",
            "hashAlgorithm": "SHA2_256",
            "publicKey": {"rawBytes": encoded(log_key), "keyDetails": "PKIX_ECDSA_P256_SHA_256", "validFor": SINCE},
            "logId": {"keyId": encoded(hashlib.sha256(log_key).digest())},
        }],
        "certificateAuthorities": [{
            "subject": subject, "uri": "https://fulcio.example.org", "validFor": SINCE,
            "certChain": {"certificates": [{"rawBytes": encoded(certificate_der(directory / "fulcio.pem"))}]},
        }],
        "ctlogs": [],
        "timestampAuthorities": [{
            "subject": subject, "uri": "https://timestamp.example.org", "validFor": SINCE,
            "certChain": {"certificates": [{"rawBytes": encoded(certificate)} for certificate in chain]},
        }],
    }
    (directory / "trusted_root.json").write_text(json.dumps(root, indent=2))


def token(audience):
    """A token as CI makes one; its signature is none, since nothing here checks it."""
    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")
    claims = {"sub": "repo:example/release:ref:refs/heads/main", "iss": ISSUER, "aud": audience, "workflow": WORKFLOW}
    return f"{part({'alg': 'none'})}.{part(claims)}.{part('none')}"


def issue(directory, request):
    """A certificate for the key in a request whose holder proved to have it."""
    claims = json.loads(base64.urlsafe_b64decode(request["credentials"]["oidcIdentityToken"].split(".")[1] + "=="))
    if claims["aud"] != "sigstore":
        raise RuntimeError("the token is for somebody else")
    wanted = request["publicKeyRequest"]
    with tempfile.TemporaryDirectory() as work:
        work = Path(work)
        (work / "key.pub").write_text(wanted["publicKey"]["content"])
        (work / "proof").write_bytes(base64.b64decode(wanted["proofOfPossession"]))
        (work / "subject").write_text(claims["sub"])
        openssl("dgst", "-sha256", "-verify", work / "key.pub", "-signature", work / "proof", work / "subject")
        (work / "extensions").write_text(
            "keyUsage = critical, digitalSignature\nextendedKeyUsage = codeSigning\n"
            "subjectKeyIdentifier = hash\nauthorityKeyIdentifier = keyid\n"
            f"subjectAltName = critical, URI:{claims['workflow']}\n"
            f"1.3.6.1.4.1.57264.1.1 = DER:{claims['iss'].encode().hex()}\n"
            f"1.3.6.1.4.1.57264.1.8 = ASN1:UTF8String:{claims['iss']}\n"
        )
        openssl(
            "x509", "-new", "-subj", "/CN=job", "-force_pubkey", work / "key.pub", "-CA", directory / "fulcio.pem",
            "-CAkey", directory / "fulcio.key", "-days", "1", "-extfile", work / "extensions", "-out", work / "leaf.pem",
        )
        leaf = (work / "leaf.pem").read_text()
    return {"signedCertificateEmbeddedSct": {"chain": {"certificates": [leaf, (directory / "fulcio.pem").read_text()]}}}


def log(directory, request, fault):
    """An entry in a log of one: its own hash is the root."""
    wanted = request["hashedRekordRequestV002"]
    signature = dict(wanted["signature"])
    if fault == "other-entry":
        signature["content"] = encoded(b"another signature")
    body = {
        "apiVersion": "0.0.2",
        "kind": "hashedrekord",
        "spec": {"hashedRekordV002": {
            "data": {"algorithm": "SHA2_256", "digest": wanted["digest"]},
            "signature": signature,
        }},
    }
    body = json.dumps(body, sort_keys=True, separators=(",", ":")).encode()
    root = hashlib.sha256(b"\0" + body).digest()
    stated = root if fault != "wrong-checkpoint" else hashlib.sha256(root).digest()
    text = f"{ORIGIN}\n1\n{encoded(stated)}\n"
    key = directory / "rekor.key"
    identifier = hashlib.sha256(public_der(key)).digest()
    signed = openssl("dgst", "-sha256", "-sign", key, given=text.encode())
    return {
        "logIndex": "0",
        "logId": {"keyId": encoded(identifier)},
        "kindVersion": {"kind": "hashedrekord", "version": "0.0.2"},
        "inclusionProof": {
            "logIndex": "0",
            "rootHash": encoded(root),
            "treeSize": "1",
            "hashes": [],
            "checkpoint": {"envelope": f"{text}\n\u2014 {ORIGIN} {encoded(identifier[:4] + signed)}\n"},
        },
        "canonicalizedBody": encoded(body),
    }


def serve(directory, seconds, fault):
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            if fault == "no-token" or not self.headers.get("Authorization") == "Bearer runner":
                self.send_error(403)
            elif self.path == "/token?api-version=2.0&audience=sigstore":
                self.answer(200, json.dumps({"value": token("sigstore")}).encode())
            else:
                self.send_error(404)

        def do_POST(self):
            body = self.rfile.read(min(int(self.headers.get("Content-Length", 0)), BODY_BYTES_MAX))
            with lock:
                if self.path == "/api/v2/signingCert" and fault != "no-certificate":
                    issued = issue(directory, json.loads(body))
                    if fault == "other-certificate":
                        chain = issued["signedCertificateEmbeddedSct"]["chain"]["certificates"]
                        chain[0] = chain[1]
                    self.answer(200, json.dumps(issued).encode())
                elif self.path == "/api/v2/log/entries" and fault != "no-log":
                    self.answer(201, json.dumps(log(directory, json.loads(body), fault)).encode())
                elif self.path == "/timestamp":
                    self.answer(201, timestamp_authority.reply(directory / "tsa", body))
                else:
                    self.send_error(400, "not today")

        def answer(self, status, content):
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Timer(seconds, server.shutdown).start()
    (directory / "port.new").write_text(str(server.server_port))
    (directory / "port.new").rename(directory / "port")
    server.serve_forever()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("command", choices=["make", "serve"])
    parser.add_argument("directory", type=Path)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--fault", choices=FAULTS)
    arguments = parser.parse_args()
    directory = arguments.directory.resolve()
    directory.mkdir(parents=True, exist_ok=True)
    if arguments.command == "make":
        make(directory)
    else:
        serve(directory, arguments.seconds, arguments.fault)


if __name__ == "__main__":
    main()
