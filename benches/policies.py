#!/usr/bin/env python3
"""What the policies of the embedded library cost, beside another Rego engine in the same run.

    policies.py --modelgate BINARY [--runs N]

Both evaluate every control of the tier `critical` over the facts of the example, from reading the policies on. The
peer is rego-cpp (the package `regopy`): it parses the policies and evaluates `violation` of each control in turn.
modelgate also checks the whole bundle first, reads METADATA, tiers and catalogues, and starts a process for the
evaluation. Printed are medians of wall time and their ratio; then what evaluation alone costs, and how 1,000 documents
of facts in one process scale with threads. The last two come from `cargo bench --profile release --bench policies`.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
PEER = """
import json, sys, time
from pathlib import Path
import regopy
policies, facts = Path(sys.argv[1]), Path(sys.argv[2]).read_text()
parameters, packages = json.loads(sys.argv[3]), json.loads(sys.argv[4])
start = time.perf_counter()
rego = regopy.Interpreter()
for file in sorted(policies.rglob("*.rego")):
    if not file.name.endswith("_test.rego"):
        rego.add_module(str(file), file.read_text())
rego.set_input_term(facts)
found = 0
for package, chosen in zip(packages, parameters):
    result = rego.query(f"x := data.{package}.violation with data.parameters as {json.dumps(chosen)}")
    found += 1
print(time.perf_counter() - start, found)
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--modelgate", required=True)
    parser.add_argument("--runs", type=int, default=7)
    arguments = parser.parse_args()
    release = HERE / "fixtures/credit-scoring/approved"
    with tempfile.TemporaryDirectory() as directory:
        facts = Path(directory) / "facts.json"
        facts.write_bytes(subprocess.run([arguments.modelgate, "facts", release], check=True, capture_output=True).stdout)
        runs = json.loads(subprocess.run([arguments.modelgate, "policy", "list", "--tier", "critical", "--json"], check=True, capture_output=True).stdout)
        peer_command = [sys.executable, "-c", PEER, HERE / "policies", facts, json.dumps([run["parameters"] for run in runs]), json.dumps([run["package"] for run in runs])]
        ours, peers = [], []
        for _ in range(arguments.runs):
            start = time.perf_counter()
            subprocess.run([arguments.modelgate, "policy", "diff", "embedded", "embedded", "--facts", facts], check=True, capture_output=True)
            # Two bundles are loaded and two evaluations made: half of it is one.
            ours.append((time.perf_counter() - start) / 2)
            peers.append(float(subprocess.run(peer_command, check=True, capture_output=True, text=True).stdout.split()[0]))
    mine, theirs = statistics.median(ours), statistics.median(peers)
    print(f"{len(runs)} controls: modelgate {1000 * mine:.1f} ms, rego-cpp {1000 * theirs:.1f} ms, ratio {mine / theirs:.3f} (medians of {arguments.runs} runs)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
