#!/usr/bin/env python3
"""Times how `modelgate facts` hashes and inspects model files, beside `openssl dgst` and `model_signing`, in one run.

    hashing.py --modelgate BINARY [--gigabytes 10] [--repeat 3] [--work DIR]

One file of so many gigabytes, and ten files that have as many together: safetensors with a header of a thousand
tensors and bytes that do not repeat. Each contender is a process of its own; they take turns, behind one turn that
fills the page cache. The digests that they find are compared. Needs openssl and what requirements-hashing.txt lists.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from overlap import timed

MANIFEST = """version: 1
model: {name: hashing, version: "1", owner: team@example.com, task: binary-classification, purpose: Measuring.}
intake:
  exposure: public
  decision_role: recommends
  domain: credit
  autonomy: human-in-the-loop
  data_classes: [personal, financial]
  jurisdictions: [EU]
  people_affected_per_year: 40000
artifacts:
  - path: model
"""


def write_safetensors(file, size_bytes, seed):
    """A valid file of so many bytes: its header says a thousand tensors of bytes."""
    import numpy as np

    tensors, header_bytes = 1000, 128 * 1024
    data = size_bytes - 8 - header_bytes
    edges = [data * index // tensors for index in range(tensors + 1)]
    header = {f"layer.{i}": {"dtype": "U8", "shape": [edges[i + 1] - edges[i]], "data_offsets": edges[i : i + 2]} for i in range(tensors)}
    text = json.dumps(header, separators=(",", ":")).encode()
    with open(file, "wb") as output:
        output.write(header_bytes.to_bytes(8, "little") + text.ljust(header_bytes))
        generator, left = np.random.default_rng(seed), data
        while left:
            count = min(left, 1 << 26)
            output.write(generator.bytes(count))
            left -= count


def modelgate_digests(output):
    facts = json.loads(output)
    assert all(artifact["safetensors"] and not artifact["risks"] for artifact in facts["artifacts"])
    return {artifact["path"].split("/")[-1]: artifact["sha256"] for artifact in facts["artifacts"]}


def openssl_digests(output):
    lines = (line.rsplit("= ", 1) for line in output.splitlines())
    return {name.split("(")[1].rstrip(")").split("/")[-1]: digest for name, digest in lines}


def model_signing_digests(directory):
    from model_signing import hashing

    manifest = hashing.Config().hash(directory)
    print(json.dumps({entry.identifier: entry.digest.digest_hex for entry in manifest.resource_descriptors()}))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--modelgate", type=lambda path: str(Path(path).resolve()))
    parser.add_argument("--gigabytes", type=float, default=10)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--work", type=Path)
    parser.add_argument("--model-signing", help=argparse.SUPPRESS)
    parser.add_argument("--write", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.write:
        file, size_bytes, seed = arguments.write
        return write_safetensors(file, int(size_bytes), int(seed))
    if arguments.model_signing:
        return model_signing_digests(arguments.model_signing)
    size_bytes = int(arguments.gigabytes * 1e9)
    with tempfile.TemporaryDirectory(dir=arguments.work) as directory:
        print("| | files | seconds | GB a second | times `openssl`'s rate | peak MiB |\n|---|---|---|---|---|---|")
        rates = {}
        for name, count in (("one", 1), ("ten", 10)):
            release = Path(directory) / name
            (release / "model").mkdir(parents=True)
            files = [release / "model" / f"{index}.safetensors" for index in range(count)]
            for index, file in enumerate(files):
                # In a process of its own: a child's peak memory is never below what its parent had when it was started.
                values = [str(file), str(size_bytes // count), str(index)]
                subprocess.run([sys.executable, __file__, "--write", *values], check=True)
            (release / "modelgate.yaml").write_text(MANIFEST)
            contenders = {
                "openssl dgst -sha256": (["openssl", "dgst", "-sha256", *map(str, files)], openssl_digests),
                "modelgate facts": ([arguments.modelgate, "facts", str(release), "--artifact-cache", "never"], modelgate_digests),
                "model_signing": ([sys.executable, __file__, "--model-signing", str(release / "model")], json.loads),
            }
            runs = {key: [] for key in contenders}
            for turn in range(arguments.repeat + 1):
                for key, (command, _) in contenders.items():
                    runs[key].append(timed(command))
            found = {key: read(runs[key][0][2]) for key, (_, read) in contenders.items()}
            if any(digests != found["modelgate facts"] for digests in found.values()):
                sys.exit(f"they disagree: {found}")
            for key, measured in runs.items():
                seconds = statistics.median(run[0] for run in measured[1:])
                rates[key, count] = size_bytes / 1e9 / seconds
                ratio = rates[key, count] / rates["openssl dgst -sha256", count]
                peak = max(run[1] for run in measured)
                print(f"| {key} | {count} | {seconds:.2f} | {rates[key, count]:.2f} | {ratio:.2f} | {peak:.0f} |")
            for file in files:
                file.unlink()
        ours = {count: rates["modelgate facts", count] for count in (1, 10)}
        print(f"\n{os.cpu_count()} processors; ten files at {ours[10] / ours[1]:.2f} times the rate of one; "
              f"{ours[10] / rates['model_signing', 10]:.1f} times as fast as model_signing")


if __name__ == "__main__":
    main()
