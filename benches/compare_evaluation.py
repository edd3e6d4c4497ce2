#!/usr/bin/env python3
"""Times `modelgate evaluate` beside what others need for the same table of results, all in one run.

    compare_evaluation.py --modelgate BINARY [--rows 2e7] [--repeat 3] [--limit 600] [--only NAME,…] [--work DIR]

The table: over all rows, for each value of three columns (3, 6 and 50 groups) and each of their 900 combinations, the
exact ROC AUC with ties and its DeLong standard error, log loss, Brier score and the confusion counts. Each
contender is a process of its own; they take turns. What they find is compared with ours, and a difference ends
the run with 1. `decode` only reads the five columns: the floor for anything that reads them.

Needs what requirements-evaluation.txt lists.
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

GROUPINGS = [[], ["sex"], ["age"], ["region"], ["sex", "age", "region"]]
CLIP = 2.0**-52


def generate(rows, file):
    """Rows whose scores are all distinct, a million at a time: the same for the same number."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    generator, writer, step = np.random.default_rng(7), None, 1_000_000
    texts = {"sex": ["f", "m", "x"], "age": ["18-25", "26-35", "36-45", "46-55", "56-65", "66+"], "region": [f"r{i:02}" for i in range(50)]}
    for start in range(0, rows, step):
        count = min(step, rows - start)
        z = generator.normal(size=count)
        columns = {
            "y": (generator.random(count) < 1 / (1 + np.exp(1 - z))).astype(np.int8),
            "score": 1 / (1 + np.exp(1 - 0.9 * z - 0.3 * generator.normal(size=count))),
        }
        for name, values in texts.items():
            numbers = generator.integers(0, len(values), count).astype(np.int32)
            columns[name] = pa.DictionaryArray.from_arrays(pa.array(numbers), pa.array(values))
        table = pa.table(columns)
        writer = writer or pq.ParquetWriter(file, table.schema, compression="zstd")
        writer.write_table(table)
    writer.close()


def generate_scores(rows, slices, file):
    """Rows of a label, a score and one column of so many values, a million at a time."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    generator, writer, step = np.random.default_rng(7), None, 1_000_000
    names = pa.array([f"s{number:05}" for number in range(slices)])
    for start in range(0, rows, step):
        count = min(step, rows - start)
        z = generator.normal(size=count)
        numbers = pa.array(generator.integers(0, slices, count).astype(np.int32))
        table = pa.table({
            "y": (generator.random(count) < 1 / (1 + np.exp(1 - z))).astype(np.int8),
            "score": 1 / (1 + np.exp(1 - 0.9 * z - 0.3 * generator.normal(size=count))),
            "slice": pa.DictionaryArray.from_arrays(numbers, names),
        })
        writer = writer or pq.ParquetWriter(file, table.schema, compression="zstd")
        writer.write_table(table)
    writer.close()


# Each contender prints {group: [positives, negatives, area, standard error, log loss, Brier, TP, FP]}.


def from_pairs(m, n, area, spread_positive, spread_negative):
    """DeLong's standard error from the sums of squared deviations of the placements."""
    if m < 2 or n < 2:
        return None
    return (spread_positive / (m - 1) / m + spread_negative / (n - 1) / n) ** 0.5


def decode(file):
    import pyarrow.parquet as pq

    source = pq.ParquetFile(file, read_dictionary=["sex", "age", "region"])
    for index in range(source.num_row_groups):
        source.read_row_group(index, columns=["y", "score", "sex", "age", "region"], use_threads=True)
    return {}


# A rank among all rows of a group, less that among those of the row's class, is the number of the other class
# below it, ties half: one sort by group and score serves both. Windows over each grouping are what both engines
# are best at here; grouping by score first and joining back was slower in either.
DUCKDB = """
with rows as (select y, score {keys} from read_parquet('{file}')),
ranked as (
  select y, score {keys},
    rank() over whole + (count(*) over (partition by {parts} score) - 1) / 2.0 as r,
    rank() over own + (count(*) over (partition by {parts} y, score) - 1) / 2.0 as s
  from rows
  window whole as (partition by {partition} order by score), own as (partition by {parts} y order by score)
)
select {select} count(*) filter (y = 1) as m, count(*) filter (y = 0) as n,
  sum(r - s) filter (y = 1) as wins, var_pop(r - s) filter (y = 1) as vp, var_pop(r - s) filter (y = 0) as vn,
  avg(-ln(case when y = 1 then greatest({clip}, score) else greatest({clip}, 1 - score) end)) as loss,
  avg((score - y) * (score - y)) as brier,
  count(*) filter (y = 1 and score >= 0.5) as tp, count(*) filter (y = 0 and score >= 0.5) as fp
from ranked {group}
"""


def duckdb(file):
    import duckdb

    connection = duckdb.connect()
    found = {}
    for columns in GROUPINGS:
        keys = "".join(f", {column}" for column in columns)
        parts = "".join(f"{column}, " for column in columns)
        query = DUCKDB.format(
            file=file, keys=keys, parts=parts, partition=", ".join(columns) or "1", select=parts, clip=CLIP,
            group=f"group by {', '.join(columns)}" if columns else "",
        )
        for *values, m, n, wins, vp, vn, loss, brier, tp, fp in connection.execute(query).fetchall():
            error = from_pairs(m, n, 0, vp * m / n**2, vn * n / m**2)
            found[name(columns, values)] = [m, n, wins / m / n, error, loss, brier, tp, fp]
    return found


def name(columns, values):
    return " × ".join(values) if len(columns) > 1 else f"{columns[0]}={values[0]}" if columns else "all"


def polars(file):
    import polars as pl

    found = {}
    for columns in GROUPINGS:
        rows = pl.scan_parquet(file).select("y", "score", *columns)
        whole, own = pl.col("score").rank("average"), pl.col("score").rank("average")
        rows = rows.with_columns(r=whole.over(columns) if columns else whole, s=own.over([*columns, "y"]))
        positive, below = pl.col("y") == 1, pl.col("r") - pl.col("s")
        p = pl.when(positive).then(pl.col("score")).otherwise(1 - pl.col("score")).clip(CLIP)
        aggregates = [
            positive.sum().alias("m"), (~positive).sum().alias("n"), below.filter(positive).sum().alias("wins"),
            below.filter(positive).var(ddof=0).alias("vp"), below.filter(~positive).var(ddof=0).alias("vn"),
            (-p.log()).mean().alias("loss"), ((pl.col("score") - pl.col("y")) ** 2).mean().alias("brier"),
            (positive & (pl.col("score") >= 0.5)).sum().alias("tp"), (~positive & (pl.col("score") >= 0.5)).sum().alias("fp"),
        ]
        table = rows.group_by(columns).agg(aggregates) if columns else rows.select(aggregates)
        for row in table.collect(engine="streaming" if columns else "auto").iter_rows():
            values, (m, n, wins, vp, vn, loss, brier, tp, fp) = row[: len(columns)], row[len(columns) :]
            error = from_pairs(m, n, 0, vp * m / n**2, vn * n / m**2)
            found[name(columns, list(values))] = [m, n, wins / m / n, error, loss, brier, tp, fp]
    return found


def sklearn(file):
    import numpy as np
    import pyarrow.parquet as pq
    from sklearn import metrics as sk

    table = pq.read_table(file, read_dictionary=["sex", "age", "region"]).combine_chunks()
    y, score = table["y"].to_numpy(), table["score"].to_numpy()
    codes = {column: table[column].chunk(0).indices.to_numpy() for column in ("sex", "age", "region")}
    values = {column: table[column].chunk(0).dictionary.to_pylist() for column in codes}

    def ranks(values):
        order = np.argsort(values, kind="stable")
        ordered = values[order]
        starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
        counts = np.diff(np.concatenate([starts, [len(values)]]))
        result = np.empty(len(values))
        result[order] = np.repeat(starts + (counts - 1) / 2, counts)
        return result

    def measured(rows):
        y_, score_ = y[rows], score[rows]
        positive = y_ == 1
        m, n = int(positive.sum()), int((~positive).sum())
        both = ranks(score_)
        below_positive, below_negative = both[positive] - ranks(score_[positive]), both[~positive] - ranks(score_[~positive])
        tn, fp, fn, tp = sk.confusion_matrix(y_, score_ >= 0.5, labels=[0, 1]).ravel().tolist()
        error = from_pairs(m, n, 0, below_positive.var() * m / n**2, below_negative.var() * n / m**2)
        losses = sk.log_loss(y_, score_, labels=[0, 1]), sk.brier_score_loss(y_, score_, labels=[0, 1])
        return [m, n, float(sk.roc_auc_score(y_, score_)), float(error), *map(float, losses), tp, fp]

    found = {"all": measured(slice(None))}
    for columns in GROUPINGS[1:]:
        key = np.zeros(len(y), np.int64)
        for column in columns:
            key = key * len(values[column]) + codes[column]
        order = np.argsort(key, kind="stable")
        starts = np.flatnonzero(np.concatenate([[True], key[order][1:] != key[order][:-1]])).tolist()
        for start, end in zip(starts, [*starts[1:], len(y)]):
            rows = order[start:end]
            texts = [values[column][codes[column][rows[0]]] for column in columns]
            found[name(columns, texts)] = measured(rows)
    return found


def fairlearn(file):
    import pyarrow.parquet as pq
    from fairlearn.metrics import MetricFrame
    from sklearn import metrics as sk

    table = pq.read_table(file).to_pandas()
    functions = {
        "area": sk.roc_auc_score,
        "brier": sk.brier_score_loss,
        "loss": lambda y, p: sk.log_loss(y, p, labels=[0, 1]),
    }
    for columns in GROUPINGS[1:]:
        MetricFrame(metrics=functions, y_true=table["y"], y_pred=table["score"], sensitive_features=table[columns]).by_group
    return {}


def modelgate(file, binary, *options):
    arguments = ["--label", "y", "--score", "score", "--slices", "sex,age,region", "--intersect", "sex+age+region", "--output", "json", *options]
    ran = subprocess.run([binary, "evaluate", file, *arguments], capture_output=True, text=True, check=True)
    return json.loads(ran.stdout)


def ours(facts):
    """Our results in the form of the others; the standard error comes back from the interval on the logit scale."""
    import math

    def of(metrics):
        area, logit = metrics["roc_auc"], lambda p: math.log(p / (1 - p))
        error = None
        if area["interval"]:
            width = logit(area["interval"]["high"]) - logit(area["interval"]["low"])
            error = width / 2 / 1.959963984540054 * area["value"] * (1 - area["value"])
        recall, fallout = metrics["recall"], metrics["false_positive_rate"]
        return [recall["n"], fallout["n"], area["value"], error, metrics["log_loss"]["value"], metrics["brier"]["value"], recall["numerator"], fallout["numerator"]]

    found = {"all": of(facts["metrics"])}
    for entry in facts["slices"]:
        found[entry["value"] if " × " in entry["column"] else f"{entry['column']}={entry['value']}"] = of(entry["metrics"])
    return found


CONTENDERS = {"decode": decode, "duckdb": duckdb, "polars": polars, "sklearn": sklearn, "fairlearn": fairlearn}


def timed(command, limit):
    """Wall seconds, processor seconds and peak MiB of a process, and what it printed; none past the limit."""
    start = time.monotonic()
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.PIPE, text=True)
        timer_end = start + limit
        while True:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            if time.monotonic() > timer_end:
                process.kill()
                os.wait4(process.pid, 0)
                return None
            time.sleep(0.005)
        wall = time.monotonic() - start
        if status != 0:
            return {"error": process.stderr.read().strip().splitlines()[-1:] or [f"status {status}"]}
        output.seek(0)
        return {"wall": wall, "cpu": usage.ru_utime + usage.ru_stime, "mib": usage.ru_maxrss / 1024, "output": output.read()}


def disagreements(found, expected):
    if found.keys() != expected.keys():
        yield f"{len(found)} groups instead of {len(expected)}"
    for group in sorted(found.keys() & expected.keys()):
        for index, (left, right) in enumerate(zip(found[group], expected[group])):
            if (left is None) != (right is None) or (left is not None and abs(left - right) > 1e-9 * max(abs(right), 1e-9)):
                yield f"{group}: {left} instead of {right} in column {index}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--modelgate")
    parser.add_argument("--rows", type=float, default=2e7)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--limit", type=float, default=600, help="seconds that a contender may take")
    parser.add_argument("--only", default=",".join(CONTENDERS))
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "modelgate-benchmark")
    parser.add_argument("--contender", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.contender:
        key, value = arguments.contender
        if key == "generate":
            generate(int(value.partition(":")[0]), value.partition(":")[2])
        else:
            print(json.dumps(CONTENDERS[key](value)))
        return 0
    arguments.work.mkdir(parents=True, exist_ok=True)
    rows = int(arguments.rows)
    file = arguments.work / f"rows-{rows}.parquet"
    if not file.exists():
        # In a process of its own: a child's peak memory is never below what its parent had when it was started.
        subprocess.run([sys.executable, __file__, "--contender", "generate", f"{rows}:{file}.part"], check=True)
        os.replace(str(file) + ".part", file)
    evaluate = [arguments.modelgate, "evaluate", str(file), "--label", "y", "--score", "score", "--slices", "sex,age,region", "--intersect", "sex+age+region", "--output", "json"]
    commands = {"modelgate": evaluate, "modelgate, one thread": [*evaluate, "--threads", "1"]}
    commands |= {key: [sys.executable, __file__, "--contender", key, str(file)] for key in arguments.only.split(",")}
    results, past = {key: [] for key in commands}, {}
    for turn in range(arguments.repeat):
        for key, command in commands.items():
            if key in past or (turn > 0 and key not in ("modelgate", "modelgate, one thread", "decode") and results[key] and results[key][0]["wall"] > 60):
                continue
            result = timed(command, arguments.limit)
            if result is None or "error" in result:
                past[key] = f"> {arguments.limit:.0f} s" if result is None else result["error"][0]
            else:
                results[key].append(result)
    expected, failed = ours(json.loads(results["modelgate"][0]["output"])), False
    median = lambda key, what: statistics.median(result[what] for result in results[key])
    base = median("modelgate", "wall")
    print(f"{rows:,} rows, {len(expected)} groups, medians of {arguments.repeat} turns, {os.cpu_count()} processors\n")
    print("| | seconds | processor seconds | peak MiB | bytes a row | times ours |\n|---|---|---|---|---|---|")
    for key, found in results.items():
        if key in past:
            print(f"| {key} | {past[key]} | | | | |")
            continue
        wall, cpu, mib = (median(key, what) for what in ("wall", "cpu", "mib"))
        print(f"| {key} | {wall:.2f} | {cpu:.2f} | {mib:.0f} | {mib * 1048576 / rows:.1f} | {wall / base:.2f} |")
        output = json.loads(found[0]["output"])
        if key not in ("modelgate", "modelgate, one thread") and output:
            for line in list(disagreements(output, expected))[:5]:
                failed = True
                print(f"{key} disagrees: {line}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
