#!/usr/bin/env python3
"""A time-stamping service (RFC 3161) on loopback, made of `openssl ts`.

    timestamp_authority.py make DIRECTORY [--key rsa|p256|p384]
    timestamp_authority.py serve DIRECTORY [--seconds 120]

`make` writes `ca.pem`, the certificate of an authority, with a certificate for time-stamping below it. `serve` answers
requests by it, writes its port into DIRECTORY/port, and ends by itself.
"""

import argparse
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

KEYS = {
    "rsa": ["-newkey", "rsa:2048"],
    "p256": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
    "p384": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384"],
}
REQUEST_BYTES_MAX = 4096
CONFIGURATION = """\
[tsa]
default_tsa = service
[service]
serial = {directory}/serial
crypto_device = builtin
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha384, sha512
accuracy = secs:1
ordering = yes
tsa_name = yes
ess_cert_id_chain = no
ess_cert_id_alg = sha256
[request]
distinguished_name = name
prompt = no
[name]
CN = modelgate test
"""


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def make(directory, key):
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "openssl.cnf").write_text(CONFIGURATION.format(directory=directory))
    (directory / "serial").write_text("01\n")
    (directory / "service.ext").write_text(
        "basicConstraints = CA:FALSE\nkeyUsage = critical, digitalSignature\n"
        "extendedKeyUsage = critical, timeStamping\nsubjectKeyIdentifier = hash\nauthorityKeyIdentifier = keyid\n"
    )
    common = ["-config", directory / "openssl.cnf", "-nodes"]
    openssl(
        "req", "-x509", *KEYS[key], *common, "-section", "request", "-subj", "/CN=modelgate test authority",
        "-days", 36500, "-keyout", directory / "ca.key", "-out", directory / "ca.pem",
        "-addext", "basicConstraints = critical, CA:TRUE", "-addext", "keyUsage = critical, keyCertSign, cRLSign",
        "-addext", "subjectKeyIdentifier = hash",
    )
    openssl(
        "req", *KEYS[key], *common, "-section", "request", "-subj", "/CN=modelgate test time-stamping",
        "-keyout", directory / "service.key", "-out", directory / "service.csr",
    )
    openssl(
        "x509", "-req", "-in", directory / "service.csr", "-CA", directory / "ca.pem", "-CAkey", directory / "ca.key",
        "-CAcreateserial", "-days", 36500, "-extfile", directory / "service.ext", "-out", directory / "service.pem",
    )


def reply(directory, request):
    """What `openssl ts` answers to a request in DER."""
    done = subprocess.run(
        [
            "openssl", "ts", "-reply", "-config", str(directory / "openssl.cnf"), "-section", "service",
            "-queryfile", "/dev/stdin", "-signer", str(directory / "service.pem"),
            "-inkey", str(directory / "service.key"), "-chain", str(directory / "ca.pem"),
        ],
        input=request, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True,
    )
    return done.stdout


def serve(directory, seconds):
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            length = int(self.headers.get("Content-Length", 0))
            if self.headers.get("Content-Type") != "application/timestamp-query" or length > REQUEST_BYTES_MAX:
                self.send_error(400)
                return
            with lock:
                answer = reply(directory, self.rfile.read(length))
            self.send_response(200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

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
    parser.add_argument("--key", choices=KEYS, default="p256")
    parser.add_argument("--seconds", type=float, default=120)
    arguments = parser.parse_args()
    directory = arguments.directory.resolve()
    if arguments.command == "make":
        make(directory, arguments.key)
    else:
        serve(directory, arguments.seconds)


if __name__ == "__main__":
    main()
