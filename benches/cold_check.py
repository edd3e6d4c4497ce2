#!/usr/bin/env python3
"""What a cold `modelgate check` of the example costs, beside scikit-learn in the same run.

    cold_check.py --modelgate BINARY [--runs N]

Both are whole processes, run in turn. The peer reads the same Parquet file and computes the same metrics
over all rows and for each group of the three slice columns; it has no intervals, no policies, and signs
and stores nothing. Printed are medians of processor time (user and system) and their ratio. Needs the packages of
tests/oracle/requirements.txt.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

RELEASE = Path(__file__).resolve().parents[1] / "fixtures/credit-scoring/approved"
PEER = """
import sys, numpy, pyarrow.parquet
from sklearn import metrics as m
table = pyarrow.parquet.read_table(sys.argv[1])
column = {name: table[name].to_numpy(zero_copy_only=False) for name in table.column_names}
label, score = column["default"], column["probability"]
groups = [label == label] + [column[name] == value for name in ("sex", "age_band", "housing") for value in sorted(set(column[name]))]
for rows in groups:
    y, s = label[rows], score[rows]
    p = s >= 0.5
    m.accuracy_score(y, p), m.precision_score(y, p), m.recall_score(y, p), m.recall_score(y, p, pos_label=0), m.f1_score(y, p)
    m.balanced_accuracy_score(y, p), m.roc_auc_score(y, s), m.average_precision_score(y, s), m.log_loss(y, s), m.brier_score_loss(y, s)
"""


def cpu_seconds(command, **options):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--modelgate", required=True, type=Path)
    parser.add_argument("--runs", type=int, default=15)
    arguments = parser.parse_args()
    ours, peer = [], []
    environment = {name: value for name, value in os.environ.items() if name not in ("CI", "GITHUB_ACTIONS", "GITLAB_CI")}
    for _ in range(arguments.runs):
        # A store and a key of its own each time: nothing is warm but the file system's cache.
        with tempfile.TemporaryDirectory() as directory:
            environment["XDG_CONFIG_HOME"] = directory
            ours.append(cpu_seconds([arguments.modelgate.resolve(), "check", RELEASE], cwd=directory, env=environment))
        peer.append(cpu_seconds([sys.executable, "-c", PEER, RELEASE / "data/holdout.parquet"]))
    ours, peer = statistics.median(ours), statistics.median(peer)
    print(f"modelgate check     {1000 * ours:7.0f} ms of processor time, median of {arguments.runs}")
    print(f"scikit-learn alone  {1000 * peer:7.0f} ms")
    print(f"ratio               {ours / peer:7.3f}")


if __name__ == "__main__":
    main()
