#!/usr/bin/env python3
"""Compares the leakage and the drift that `modelgate evaluate --reference` finds with their definitions.

    compare_reference.py --modelgate BINARY [--cases 60] [--seed 1]

Each case is a pair of small files with a dozen columns of every kind, full of edges: ties, constants, missing values, NaN, empty
text, new categories, shared ids, rows and entities, contradictions. Shares are counted in plain Python, areas with
scikit-learn, distances and tests with SciPy. Then a baseline has to say what its rows say, and threads, memory, order, row
groups and formats have to change nothing.
"""

import argparse
import datetime
import math
import random
import subprocess
import sys
import tempfile
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import scipy.stats
from scipy.spatial.distance import jensenshannon
from sklearn.metrics import roc_auc_score

from compare_evaluation import UNDEFINED, Comparison, evaluate

EMPTY = 0.0001
NUMBERS = ["money", "single", "count", "constant", "zeros"]
FEATURES = [*NUMBERS, "job", "remark", "owner", "rare"]
DAY = datetime.date(2025, 1, 1)


def rows_of(rng, n, first, moved):
    """A file's columns as lists; `moved` is for the evaluation."""
    def missing(values, share):
        return [None if rng.random() < share else value for value in values]

    jobs = ["clerk", "nurse", "driver", "cook"] + (["pilot"] if moved and rng.random() < 0.5 else [])
    money = [round(rng.lognormvariate(2 + 0.3 * moved, 1), int(rng.choice([0, 2, 9]))) for _ in range(n)]
    zeros = [0.0 if rng.random() < 0.8 else rng.expovariate(1) for _ in range(n)]
    columns = {
        "id": [first + index for index in range(n)],
        "person": [f"p{rng.randrange(4 * n)}" for _ in range(n)],
        "day": [DAY + datetime.timedelta(days=rng.randrange(20) + 15 * moved) for _ in range(n)],
        "money": missing([float("nan") if rng.random() < 0.02 else value for value in money], rng.choice([0, 0.1])),
        "single": [float(np.float32(rng.random())) for _ in range(n)],
        "count": missing([rng.randrange(3 if rng.random() < 0.5 else 40) - 1 for _ in range(n)], 0.05),
        "constant": [2.5 + (moved and rng.random() < 0.1)] * n,
        "zeros": zeros,
        "job": missing([rng.choice(jobs) for _ in range(n)], 0.1),
        "remark": [rng.choice(["", "a", "b", "à"]) for _ in range(n)],
        "owner": missing([rng.random() < 0.4 + 0.2 * moved for _ in range(n)], 0.05),
        "rare": [rng.choice([None, "x"]) if rng.random() < 0.1 else None for _ in range(n)],
        "y": [int(rng.random() < rng.choice([0.2, 0.5])) for _ in range(n)],
        "s": [rng.random() for _ in range(n)],
    }
    return columns


def case(rng):
    train, rows = rows_of(rng, rng.randrange(30, 160), 0, False), None
    first = rng.choice([0, len(train["id"]) - 5, 10_000])
    rows = rows_of(rng, rng.randrange(5, 120), first, True)
    for _ in range(rng.randrange(6)):
        # The same values in every feature, from the other file or from this one, with or without the label.
        source, at, to = rng.choice([train, rows]), None, rng.randrange(len(rows["id"]))
        at = rng.randrange(len(source["id"]))
        for name in FEATURES + (["y"] if rng.random() < 0.5 else []):
            rows[name][to] = source[name][at]
    return train, rows


TYPES = {"id": pa.int64(), "day": pa.date32(), "single": pa.float32(), "count": pa.int16(), "owner": pa.bool_(), "y": pa.int8()}


def table(columns):
    return pa.table({name: pa.array(values, TYPES.get(name), from_pandas=False) for name, values in columns.items()})


def present(values):
    return [value for value in values if value is not None and value == value]


# ---- leakage -------------------------------------------------------------------------------------------------------

def key(columns, index):
    def of(value):
        return "nan" if value != value else (0.0 if value == 0 else value)

    return tuple(of(columns[name][index]) for name in FEATURES)


def compare_leakage(name, facts, train, rows, embargo, comparison):
    n = len(rows["id"])
    known = {key(train, index) for index in range(len(train["id"]))}
    own = [key(rows, index) for index in range(n)]
    labels = {}
    for like, label in zip(own, rows["y"]):
        labels.setdefault(like, set()).add(label)
    limit = max(train["day"]) + datetime.timedelta(days=embargo)
    expected = {
        "id_overlap": sum(identifier in set(train["id"]) for identifier in rows["id"]),
        "entity_overlap": sum(person in set(train["person"]) for person in rows["person"]),
        "row_overlap": sum(like in known for like in own),
        "before_reference": sum(day <= limit for day in rows["day"]),
        "duplicate_rows": n - len(set(own)),
        "conflicting_labels": sum(len(labels[like]) > 1 for like in own),
    }
    leakage = facts["leakage"]
    for part, count in expected.items():
        comparison.true(f"{name} {part}: {leakage[part]['numerator']} instead of {count}", leakage[part]["numerator"] == count)
        comparison.metric(name, part, leakage[part], count / n)
    for entry in leakage["single_columns"]:
        column, metric = entry["column"], entry["metric"]
        score = [by_value(column, metric["definition"], train, value) for value in rows[column]]
        judged = [(value, label) for value, label in zip(score, rows["y"]) if value is not None]
        both = len({label for _, label in judged}) == 2
        area = roc_auc_score([label for _, label in judged], [value for value, _ in judged]) if both else UNDEFINED
        ordered = not metric["definition"].startswith("single_category") or len(set(train["y"])) == 2
        comparison.metric(f"{name} {column}", metric["definition"], metric, area if ordered else UNDEFINED)
    numbers = {entry["column"] for entry in leakage["single_columns"] if entry["metric"]["definition"].startswith("single_column_missing")}
    gaps = {column for column in NUMBERS if len(present(rows[column])) < n}
    comparison.true(f"{name}: columns with gaps {numbers} instead of {gaps}", numbers == gaps)


def by_value(column, definition, train, value):
    """What a row scores by one column alone; none where it is not judged by it."""
    if definition.startswith("single_column_missing"):
        return int(value is None or value != value)
    if definition.startswith("single_column_"):
        return None if value is None or value != value else value
    labels = [label for other, label in zip(train[column], train["y"]) if other == value]
    return np.mean(labels) if labels else np.mean(train["y"])


# ---- drift ---------------------------------------------------------------------------------------------------------

def cells(train, rows, numeric):
    """Pairs of counts, of the reference and of the rows."""
    before, now = present(train), present(rows)
    pairs = []
    if numeric:
        values = sorted(set(before))
        ordered = sorted(before)
        edges = values if len(values) <= 10 else sorted({ordered[-(-k * len(ordered) // 10) - 1] for k in range(1, 10)})
        for low, high in zip([-math.inf, *edges], [*edges, math.inf]):
            pairs.append(tuple(sum(low < value <= high for value in side) for side in (before, now)))
    else:
        known = Counter(before)
        pairs = [(count, sum(value == category for value in now)) for category, count in sorted(known.items(), key=str)]
        pairs.append((0, sum(value not in known for value in now)))
    pairs.append((len(train) - len(before), len(rows) - len(now)))
    return [pair for pair in pairs if pair != (0, 0)]


def compare_drift(name, drift, train, rows, numeric, comparison):
    before, now = present(train), present(rows)
    pairs = cells(train, rows, numeric)
    n, m = len(rows), len(train)
    shares = [(e / m, a / n) for e, a in pairs]
    replaced = [(e or EMPTY, a or EMPTY) for e, a in shares]
    freedom, several = len(pairs) - 1, len(pairs) > 1
    statistic = scipy.stats.chi2_contingency(np.array(pairs).T, correction=False) if several else None
    total = n + m
    association = max(statistic.statistic / total - freedom / (total - 1), 0) if several else None
    most = min(freedom + 1 - freedom**2 / (total - 1) - 1, 2 - 1 / (total - 1) - 1) if several else None
    expected = {
        "population_stability_index": math.fsum((a - e) * math.log(a / e) for e, a in replaced),
        "population_stability_bound": (1 / n + 1 / m) * scipy.stats.chi2.ppf(0.95, freedom) if several else UNDEFINED,
        "jensen_shannon_distance": jensenshannon([e for e, _ in shares], [a for _, a in shares], base=2) if several else 0.0,
        "total_variation": math.fsum(abs(a - e) for e, a in shares) / 2,
        "chi_squared": statistic.statistic if several else UNDEFINED,
        "chi_squared_p_value": statistic.pvalue if several else UNDEFINED,
        "cramers_v": min(math.sqrt(association / most), 1.0) if several else UNDEFINED,
        "missing_share_difference": (n - len(now)) / n - (m - len(before)) / m,
        "new_categories": UNDEFINED if numeric else sum(value not in set(before) for value in now) / n,
    }
    if numeric:
        expected["outside_reference_range"] = sum(value < min(before) or value > max(before) for value in now) / n if before else UNDEFINED
        both = bool(before and now)
        test = scipy.stats.ks_2samp(before, now, method="exact") if both else None
        expected["kolmogorov_smirnov"] = test.statistic if both else UNDEFINED
        expected["kolmogorov_smirnov_p_value"] = test.pvalue if both else UNDEFINED
        expected["wasserstein"] = scipy.stats.wasserstein_distance(before, now) if both else UNDEFINED
    for part, value in expected.items():
        # SciPy's own rounding: the distance is the root of a difference that cancels where both sides are alike.
        absolute = {"jensen_shannon_distance": 2e-8, "wasserstein": 1e-11, "chi_squared": 1e-11, "chi_squared_p_value": 1e-12}.get(part, 1e-12)
        comparison.metric(name, part, drift[part], value, absolute)


# ---- all of it -----------------------------------------------------------------------------------------------------

ROLES = ["--label", "y", "--score", "s", "--id", "id"]


def without_files(facts):
    return {part: {name: value for name, value in facts[part].items() if name not in ("data", "reference")} for part in ("leakage", "drift")}


def compare_case(binary, directory, rng, index, comparison):
    train, rows = case(rng)
    embargo = rng.choice([0, 7])
    files = {"train": table(train), "rows": table(rows)}
    for name, content in files.items():
        pq.write_table(content, directory / f"{name}.parquet")
    options = [*ROLES, "--entity", "person", "--time", "day", *(["--embargo-days", "7"] if embargo else [])]
    facts = evaluate(binary, directory / "rows.parquet", *options, "--reference", str(directory / "train.parquet"))
    name = f"case {index}"
    compare_leakage(name, facts, train, rows, embargo, comparison)
    found = {column["column"]: column for column in facts["drift"]["columns"]}
    comparison.true(f"{name}: columns {sorted(found)}", sorted(found) == sorted(FEATURES))
    found |= {"s": facts["drift"]["score"], "y": facts["drift"]["label"]}
    for column, drift in found.items():
        compare_drift(f"{name} {column}", drift, train[column], rows[column], column in NUMBERS or column in ("s", "y"), comparison)
    if index % 10 == 0:
        same_bytes(binary, directory, files, options, without_files(facts), comparison)
    if index % 5 == 0:
        frozen(binary, directory, facts, comparison)


def same_bytes(binary, directory, files, options, expected, comparison):
    def of(rows, train, *more):
        return without_files(evaluate(binary, directory / rows, *options, "--reference", str(directory / train), *more))

    for more in (["--threads", "1"], ["--threads", "7"], ["--threads", "2", "--memory", "1MiB"]):
        comparison.true(f"the same with {more}", of("rows.parquet", "train.parquet", *more) == expected)
    for name, content in files.items():
        order = np.random.default_rng(3).permutation(len(content))
        pq.write_table(content.take(order), directory / f"{name}.shuffled.parquet", row_group_size=7, use_dictionary=False)
        with pa.OSFile(str(directory / f"{name}.arrow"), "wb") as sink, pa.ipc.new_file(sink, content.schema) as writer:
            writer.write_table(content, max_chunksize=11)
    for rows, train in (("rows.shuffled.parquet", "train.shuffled.parquet"), ("rows.arrow", "train.parquet"), ("rows.parquet", "train.arrow")):
        comparison.true(f"the same from {rows} and {train}", of(rows, train) == expected)
    # Text has no empty one that is not missing, and CSV no NaN that is: the columns that have these are left out.
    features = ["--features", "single,count,constant,zeros,job,owner"]
    plain = {name: content.drop_columns(["money", "remark", "rare"]) for name, content in files.items()}
    for name, content in plain.items():
        pa_csv.write_csv(content, directory / f"{name}.csv")
    typed = of("rows.parquet", "train.parquet", *features)
    for rows, train in (("rows.csv", "train.parquet"), ("rows.parquet", "train.csv")):
        comparison.true(f"the same from {rows} and {train}", of(rows, train, *features) == typed)


def frozen(binary, directory, facts, comparison):
    """With so few distinct values a baseline keeps all there is to know."""
    command = [binary, "baseline", str(directory / "train.parquet"), "--out", str(directory / "baseline.json"), "--force"]
    subprocess.run(command, check=True, capture_output=True)
    options = [*ROLES, "--features", ",".join(FEATURES), "--baseline", str(directory / "baseline.json")]
    drift = evaluate(binary, directory / "rows.parquet", *options)["drift"]
    for part in ("columns", "score", "label", "rows"):
        comparison.true(f"the same {part} from a baseline", drift[part] == facts["drift"][part])


def grid(binary, directory, comparison):
    """With many distinct values a baseline says how far off it can be."""
    numbers = np.random.default_rng(11)
    train, rows = numbers.normal(size=20_000), numbers.normal(0.1, 1.2, size=9_000)
    for name, values in (("train", train), ("rows", rows)):
        label = numbers.integers(0, 2, len(values))
        pq.write_table(pa.table({"x": values, "y": label, "s": numbers.random(len(values))}), directory / f"{name}.parquet")
    command = [binary, "baseline", str(directory / "train.parquet"), "--out", str(directory / "baseline.json"), "--force"]
    subprocess.run(command, check=True, capture_output=True)
    of = ["--label", "y", "--score", "s", "--features", "x"]
    exact = evaluate(binary, directory / "rows.parquet", *of, "--reference", str(directory / "train.parquet"))["drift"]["columns"][0]
    near = evaluate(binary, directory / "rows.parquet", *of, "--baseline", str(directory / "baseline.json"))["drift"]["columns"][0]
    for part in ("kolmogorov_smirnov", "wasserstein"):
        difference, bound = abs(exact[part]["value"] - near[part]["value"]), near[f"{part}_error"]
        comparison.true(f"{part} is off by {difference}, at most {bound}", 0 < bound < 0.01 and difference <= bound and exact[f"{part}_error"] == 0)
    comparison.true("the index does not need the grid", exact["population_stability_index"] == near["population_stability_index"])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--modelgate", required=True, type=lambda path: str(Path(path).resolve()))
    parser.add_argument("--cases", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    comparison = Comparison()
    with tempfile.TemporaryDirectory() as directory:
        rng = random.Random(arguments.seed)
        for index in range(arguments.cases):
            compare_case(arguments.modelgate, Path(directory), rng, index, comparison)
        grid(arguments.modelgate, Path(directory), comparison)
    print(f"leakage and drift: {comparison.checked} compared, {len(comparison.failures)} failed, largest relative difference {comparison.worst:.1e}")
    for failure in comparison.failures[:20]:
        print(f"  {failure}")
    sys.exit(1 if comparison.failures else 0)


if __name__ == "__main__":
    main()
