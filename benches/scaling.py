#!/usr/bin/env python3
"""How time and memory of `modelgate evaluate` grow with rows and with slices.

    scaling.py --modelgate BINARY [--rows 1e5,1e6,1e7,1e8] [--slices 1,10,100,1000,10000] [--repeat 3] [--work DIR]

The first table has one slice column of ten values, the second as many rows as --slices-rows and one column of so many
values. Each line is the median of its runs; beside it what decoding the same columns takes (pyarrow), in the same
run, and the ratio of both. 1e8 rows take 1.2 GB of disk and some 2 GB of memory.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from compare_evaluation import generate_scores


def decode(file):
    import pyarrow.parquet as pq

    source = pq.ParquetFile(file, read_dictionary=["slice"])
    for index in range(source.num_row_groups):
        source.read_row_group(index, columns=["y", "score", "slice"], use_threads=True)


def timed(command):
    """Seconds of wall time and peak resident bytes."""
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - start
    if status:
        sys.exit(f"{' '.join(command)} ended with {os.waitstatus_to_exitcode(status)}")
    return seconds, usage.ru_maxrss * 1024


def measure(binary, file, repeat):
    ours = [binary, "evaluate", str(file), "--label", "y", "--score", "score", "--slices", "slice", "--output", "json"]
    theirs = [sys.executable, __file__, "--decode", str(file)]
    empty = statistics.median(timed([sys.executable, "-c", "import pyarrow.parquet"])[0] for _ in range(repeat))
    runs = [(timed(ours), timed(theirs)[0]) for _ in range(repeat)]
    seconds = statistics.median(run[0][0] for run in runs)
    memory = max(run[0][1] for run in runs)
    # A process of Python takes its time to start: what is left is the decoding.
    return seconds, memory, max(statistics.median(run[1] for run in runs) - empty, 1e-3)


def line(name, rows, found):
    seconds, memory, decoding = found
    print(f"| {name} | {seconds:.2f} | {rows / seconds / 1e6:.1f} | {memory / 2**20:.0f} | {memory / rows:.1f} | {decoding:.2f} | {seconds / decoding:.1f} |", flush=True)


def numbers(text):
    return [int(float(part)) for part in text.split(",")]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--modelgate", type=lambda path: str(Path(path).resolve()))
    parser.add_argument("--rows", type=numbers, default=numbers("1e5,1e6,1e7"))
    parser.add_argument("--slices", type=numbers, default=numbers("1,10,100,1000,10000"))
    parser.add_argument("--slices-rows", type=lambda text: int(float(text)), default=5_000_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--work", type=Path)
    parser.add_argument("--decode", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.decode:
        return decode(arguments.decode)
    with tempfile.TemporaryDirectory(dir=arguments.work) as directory:
        file = Path(directory) / "rows.parquet"
        heading = "| {} | seconds | million rows a second | peak MiB | bytes a row | only decoding, seconds | ratio |\n|---|---|---|---|---|---|---|"
        print(heading.format("rows"))
        for rows in arguments.rows:
            generate_scores(rows, 10, file)
            line(f"{rows:,}", rows, measure(arguments.modelgate, file, arguments.repeat))
        print("\n" + heading.format(f"slices, of {arguments.slices_rows:,} rows"))
        for slices in arguments.slices:
            generate_scores(arguments.slices_rows, slices, file)
            line(f"{slices:,}", arguments.slices_rows, measure(arguments.modelgate, file, arguments.repeat))


if __name__ == "__main__":
    main()
