#!/usr/bin/env python3
"""Writes the seeds of the fuzz targets from files that are checked in: seeds.py DIRECTORY

Each target has a directory of that name. What has no sample of its own is put together here.
"""

import base64
import gzip
import io
import json
import struct
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# Formats of the samples in tests/artifacts/samples, by how their names end or begin.
SAMPLES = {
    ".npy": "numpy", ".pmml": "pmml", ".mlmodel": "coreml", ".h5": "hdf5", "file.arrow": "arrow", ".arrow": "arrow",
    ".tflite": "tflite", ".skops": "skops", ".keras": "keras", "keras_metadata.pb": "saved-model",
    "lightgbm.txt": "lightgbm", ".cbm": "catboost", "plain.json": "catboost", ".parquet": "parquet",
    "xgboost.json": "xgboost", ".ubj": "xgboost", "variables.index": "tensorflow-checkpoint", "frozen.pb": "graph-def",
    "fingerprint.pb": "saved-model", ".pb": "saved-model", "openvino.xml": "openvino", ".model": "sentencepiece",
}

# Formats of the files that dangerous.py writes, by the ends of their names.
DANGEROUS = {
    ".pkl": "pickle", ".pickle": "pickle", ".joblib": "pickle", ".npy": "numpy", ".npz": "npz", ".pt": "torch",
    ".pth": "torch", ".bin": "torch", ".zip": "zip", ".tar": "tar", ".tgz": "compressed", ".gz": "compressed",
    ".xz": "compressed", ".bz2": "compressed", ".7z": "7z", ".onnx": "onnx", ".gguf": "gguf", ".h5": "hdf5",
    ".keras": "keras", ".safetensors": "safetensors", ".ipynb": "notebook", ".json": "json", ".pb": "saved-model",
}

MONITORING = {
    "alertmanager": "alertmanager", "azure-ml": "azure-ml", "cloudwatch": "cloudwatch", "datadog": "datadog",
    "evidently": "evidently", "grafana": "grafana", "modelgate": "modelgate", "nannyml": "nannyml",
    "prometheus": "prometheus", "sagemaker": "sagemaker", "terraform": "terraform-plan", "vertex": "vertex-ai",
    "whylogs": "whylogs",
}


def by_end(names, name):
    return next((target for end, target in names.items() if name.endswith(end)), None)


def artifacts():
    for path in sorted((ROOT / "tests/artifacts/samples").iterdir()):
        name, content = path.name.removesuffix(".gz"), gzip.decompress(path.read_bytes())
        yield "artifact", name, content
        if format := by_end(SAMPLES, name):
            yield f"artifact-{format}", name, content
    with tempfile.TemporaryDirectory() as directory:
        script = ROOT / "tests/artifacts/dangerous.py"
        subprocess.run([sys.executable, script, directory], check=True, stdout=subprocess.DEVNULL)
        for path in sorted(Path(directory).rglob("*")):
            if path.is_file() and path.name != "expected.json":
                yield "artifact", path.name, path.read_bytes()
                if format := by_end(DANGEROUS, path.name):
                    yield f"artifact-{format}", path.name, path.read_bytes()


def made():
    """Of formats without a sample that is small."""
    header = json.dumps({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode()
    yield "artifact-safetensors", "one", struct.pack("<Q", len(header)) + header + bytes(8)

    def text(value):
        return struct.pack("<Q", len(value)) + value

    metadata = text(b"general.architecture") + struct.pack("<I", 8) + text(b"llama")
    metadata += text(b"tokenizer.chat_template") + struct.pack("<I", 8) + text(b"{{ x }}")
    metadata += text(b"a") + struct.pack("<IIQ", 9, 4, 2) + bytes(8)
    tensor = text(b"t") + struct.pack("<IQIQ", 1, 4, 0, 0)
    gguf = b"GGUF" + struct.pack("<IQQ", 3, 1, 3) + metadata + tensor
    yield "artifact-gguf", "one", gguf + bytes(-len(gguf) % 32) + bytes(16)

    def part(number, content):
        return bytes([number << 3 | 2, len(content)]) + content

    node = part(1, b"x") + part(2, b"y") + part(4, b"Relu")
    tensor = b"\x08\x01\x10\x01" + part(8, b"w") + part(13, part(1, b"location") + part(2, b"w.bin")) + b"\x70\x01"
    graph = part(1, node) + part(2, b"g") + part(5, tensor) + part(11, part(1, b"x")) + part(12, part(1, b"y"))
    onnx = b"\x08\x07" + part(2, b"p") + part(7, graph) + part(8, part(1, b"") + b"\x10\x0d")
    yield "artifact-onnx", "one", onnx
    yield "artifact-tar", "one", archive({"a.pkl": b"\x80\x04N.", "b.txt": b"text"}, "w")
    yield "artifact-compressed", "gzip", gzip.compress(b"\x80\x04N.")
    yield "artifact-webassembly", "one", b"\0asm\x01\0\0\0"
    yield "artifact-native-code", "elf", b"\x7fELF\x02\x01\x01"
    yield "artifact-tensorrt", "one", b"ftrt\0\0\0\0"
    yield "artifact-executorch", "one", b"\x30\0\0\0ET12\0\0"
    yield "artifact-script", "one", b"#!/bin/sh\nexit 0\n"
    yield "artifact-notebook", "one", b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []}'
    yield "artifact-openvino", "one", b'<net name="a" version="11"><layers><layer id="0" type="Parameter"/></layers></net>'
    yield "artifact-sentencepiece", "one", part(1, part(1, b"<unk>") + b"\x15\0\0\0\0\x18\x02") + part(2, part(1, b"a"))
    model = b"artifact_path: m\nflavors:\n  python_function: {loader_module: mlflow.sklearn, model_path: m.pkl}\n"
    yield "artifact-mlflow-model", "one", model
    yield "mlflow-model", "one", model
    yield "dvc-pointer", "one", b"outs:\n- md5: d41d8cd98f00b204e9800998ecf8427e\n  size: 1\n  path: a\n"
    config = b'{"architectures": ["LlamaForCausalLM"], "auto_map": {"AutoModel": "m.M"}}'
    index = b'{"metadata": {"total_size": 8}, "weight_map": {"a": "model-1.safetensors"}}'
    yield "artifacts-together", "one", b"\n\0".join([config, index, b'{"chat_template": "{{ x }}"}', b"numpy==1\n-r b"])
    yield "artifact-json", "config", config
    bill = {"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [
        {"type": "machine-learning-model", "name": "m", "version": "1", "licenses": [{"license": {"id": "MIT"}}],
         "hashes": [{"alg": "SHA-256", "content": "0" * 64}], "modelCard": {"considerations": {"users": ["u"]}}}]}
    yield "bill-of-materials", "cyclonedx", json.dumps(bill).encode()
    yield "card", "cyclonedx", json.dumps({**bill, "metadata": {"component": bill["components"][0]}}).encode()
    spdx = {"spdxVersion": "SPDX-2.3", "packages": [{"name": "m", "SPDXID": "SPDXRef-m", "licenseDeclared": "MIT"}],
            "files": [{"fileName": "a", "checksums": [{"algorithm": "SHA256", "checksumValue": "0" * 64}]}]}
    yield "bill-of-materials", "spdx2", json.dumps(spdx).encode()
    spdx = {"@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld", "@graph": [
        {"type": "ai_AIPackage", "spdxId": "urn:m", "name": "m", "verifiedUsing": []}]}
    yield "bill-of-materials", "spdx3", json.dumps(spdx).encode()
    yield "card", "toolkit", b'{"model_details": {"name": "m", "overview": "o"}, "quantitative_analysis": {}}'


def evidence():
    # The key whose secret number is one: its point is the generator of P-256 (SEC 2, 2.4.2).
    point = bytes.fromhex("046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
                          "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5")
    curve = "301306072a8648ce3d020106082a8648ce3d030107"
    public = bytes.fromhex("3059" + curve + "034200") + point
    secret = bytes.fromhex("308187020100" + curve + "046d306b0201010420" + "01".zfill(64) + "a144034200") + point
    for target, name, der in [("public", "PUBLIC KEY", public), ("private", "PRIVATE KEY", secret)]:
        lines = base64.encodebytes(der).decode().replace("\n", "")
        lines = "\n".join(lines[start:start + 64] for start in range(0, len(lines), 64))
        yield f"evidence-{target}-key", "p256", f"-----BEGIN {name}-----\n{lines}\n-----END {name}-----\n".encode()
    envelope = {"payload": base64.b64encode(b'{"_type": "https://in-toto.io/Statement/v1"}').decode(),
                "payloadType": "application/vnd.in-toto+json",
                "signatures": [{"sig": base64.b64encode(bytes.fromhex("3006020101020101")).decode(), "keyid": ""}]}
    bundle = {"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
              "verificationMaterial": {"publicKey": {"hint": "hint"}}, "dsseEnvelope": envelope}
    yield "evidence-bundle", "one", json.dumps(bundle).encode()
    yield "evidence-envelope", "one", json.dumps(envelope).encode()
    yield "json", "bundle", json.dumps(bundle).encode()


def archive(files, mode):
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode=mode) as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return content.getvalue()


def texts():
    for path in sorted((ROOT / "tests/monitoring").iterdir()):
        vendor = next((vendor for start, vendor in MONITORING.items() if path.name.removeprefix("sdk-").startswith(start)), None)
        if path.is_file() and vendor and path.suffix != ".py":
            yield f"monitoring-{vendor}", path.name, path.read_bytes()
    for path in sorted((ROOT / "fixtures").rglob("*")) + sorted((ROOT / "src/init/templates").rglob("*")):
        if path.name == "modelgate.yaml":
            yield "manifest", path.parent.name, path.read_bytes()
        if path.name == "alerts.yml":
            yield "monitoring-prometheus", path.parent.parent.name + ".yml", path.read_bytes()
        if path.suffix == ".md" and path.name != "README.md":
            yield "card", path.parent.name + ".md", path.read_bytes()
    policies = ROOT / "policies"
    for path in sorted(policies.rglob("*.rego")):
        if not path.name.endswith("_test.rego"):
            yield "policy-control", path.name, path.read_bytes()
    for path in sorted((policies / "tiers").iterdir()):
        yield "policy-profile", path.name, path.read_bytes()
    for path in sorted((policies / "frameworks").iterdir()):
        yield "policy-framework", path.name, path.read_bytes()
    small = {"tiers/high.yaml": b"version: 1\ncontrols: {}\n", "lib/a.rego": b"package modelgate.lib.a\n\nf(x) := x\n"}
    yield "policy-profile", "small", small["tiers/high.yaml"]
    yield "policy-bundle", "one", archive({**small, ".manifest": b'{"roots": ["modelgate"]}'}, "w:gz")


def main():
    directory = Path(sys.argv[1])
    for source in (artifacts, made, evidence, texts):
        for target, name, content in source():
            (directory / target).mkdir(parents=True, exist_ok=True)
            (directory / target / name).write_bytes(content)


main()
