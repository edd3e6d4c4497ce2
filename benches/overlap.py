#!/usr/bin/env python3
"""Times how `modelgate evaluate --reference` finds shared ids, beside DuckDB, in one run.

    overlap.py --modelgate BINARY [--rows 2e7] [--repeat 3] [--work DIR]

Two files of as many rows with 64-bit ids, a tenth of which are in both. Ours also evaluates the scores, compares
every column and hashes both files; `ids alone` is what DuckDB's semi join takes. Needs what requirements-evaluation.txt lists.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def generate(rows, first, seed, file):
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    generator, writer, step = np.random.default_rng(seed), None, 1_000_000
    for start in range(0, rows, step):
        count = min(step, rows - start)
        # Odd, and so a permutation of the 64-bit numbers: ids in no order, each once.
        ids = (np.arange(first + start, first + start + count, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)).astype(np.int64)
        table = pa.table({"id": ids, "y": generator.integers(0, 2, count).astype(np.int8), "score": generator.random(count)})
        writer = writer or pq.ParquetWriter(file, table.schema, compression="zstd")
        writer.write_table(table)
    writer.close()


def timed(command):
    with tempfile.TemporaryFile() as output:
        start = time.monotonic()
        process = subprocess.Popen(command, stdout=output)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - start
        if status:
            sys.exit(f"{' '.join(command)} ended with {os.waitstatus_to_exitcode(status)}")
        output.seek(0)
        return seconds, usage.ru_maxrss / 1024, output.read().decode()


def duckdb_count(train, rows):
    import duckdb

    print(duckdb.sql(f"select count(*) from read_parquet('{rows}') where id in (select id from read_parquet('{train}'))").fetchall()[0][0])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--modelgate", type=lambda path: str(Path(path).resolve()))
    parser.add_argument("--rows", type=lambda text: int(float(text)), default=20_000_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--work", type=Path)
    parser.add_argument("--duckdb", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.duckdb:
        return duckdb_count(*arguments.duckdb)
    with tempfile.TemporaryDirectory(dir=arguments.work) as directory:
        train, rows = Path(directory) / "train.parquet", Path(directory) / "rows.parquet"
        generate(arguments.rows, 0, 1, train)
        generate(arguments.rows, arguments.rows - arguments.rows // 10, 2, rows)
        alone = [arguments.modelgate, "evaluate", str(rows), "--label", "y", "--score", "score", "--id", "id", "--output", "json"]
        contenders = {
            "modelgate, all of it": [*alone, "--reference", str(train)],
            "modelgate, without the reference": alone,
            "DuckDB, ids alone": [sys.executable, __file__, "--duckdb", str(train), str(rows)],
        }
        runs = {name: [] for name in contenders}
        for _ in range(arguments.repeat):
            for name, command in contenders.items():
                runs[name].append(timed(command))
        found = json.loads(runs["modelgate, all of it"][0][2])["leakage"]["id_overlap"]["numerator"]
        if found != int(runs["DuckDB, ids alone"][0][2]):
            sys.exit(f"{found} rows are shared by ours, and {runs['DuckDB, ids alone'][0][2]} by DuckDB")
        print(f"{arguments.rows:,} rows each, {found:,} shared\n\n| | seconds | peak MiB |\n|---|---|---|")
        for name, measured in runs.items():
            print(f"| {name} | {statistics.median(run[0] for run in measured):.2f} | {max(run[1] for run in measured):.0f} |")


if __name__ == "__main__":
    main()
