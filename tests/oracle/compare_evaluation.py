#!/usr/bin/env python3
"""Compares `modelgate evaluate` with scikit-learn over thousands of generated cases of each task.

    compare_evaluation.py --modelgate BINARY [--cases 2000] [--seed 1]

Each case is a group of rows in one file: the gate's slices are what is compared. Cases are small and full of
edges: ties, one class only, constant scores, scores of 0 and 1, zero weights. Where scikit-learn gives a number
to a question without an answer, the gate says `undefined`, and that is what is expected here. Then the same
rows, in other orders, row groups, formats and numbers of threads, have to give the same bytes.
"""

import argparse
import itertools
import json
import math
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from scipy import stats
from sklearn import metrics as sk

RELATIVE = 1e-12
CLIP = 2.0**-52
UNDEFINED = None


class Comparison:
    """Counts what agrees, and keeps what does not."""

    def __init__(self):
        self.checked, self.worst, self.failures = 0, 0.0, []

    def metric(self, case, key, found, expected, absolute=1e-13):
        self.checked += 1
        if expected is UNDEFINED or (isinstance(expected, float) and math.isnan(expected)):
            if found["status"] != "undefined" or found["value"] is not None:
                self.failures.append(f"{case} {key}: {found} instead of undefined")
            return
        if found["status"] != "ok":
            self.failures.append(f"{case} {key}: {found} instead of {expected}")
            return
        difference = abs(found["value"] - expected)
        if difference > absolute:
            self.worst = max(self.worst, difference / abs(expected) if expected else math.inf)
            if difference > RELATIVE * abs(expected):
                self.failures.append(f"{case} {key}: {found['value']!r} instead of {expected!r}")

    def true(self, case, holds):
        self.checked += 1
        if not holds:
            self.failures.append(case)


def evaluate(binary, file, *arguments):
    ran = subprocess.run([binary, "evaluate", str(file), "--output", "json", *arguments], capture_output=True, text=True, check=False)
    if ran.returncode != 0:
        sys.exit(f"{' '.join(ran.args)}\nended with {ran.returncode}\n{ran.stderr}")
    return json.loads(ran.stdout)


def slices(facts):
    return {slice_["value"]: slice_["metrics"] for slice_ in facts["slices"]}


def ratio(numerator, denominator):
    return numerator / denominator if denominator else UNDEFINED


# ---- two classes ---------------------------------------------------------------------------------------------------

def binary_case(rng):
    n = int(rng.integers(1, 60))
    kind = rng.integers(0, 5)
    score = {
        0: lambda: rng.random(n),
        1: lambda: rng.integers(0, 6, n) / 5,
        2: lambda: np.full(n, rng.random()),
        3: lambda: rng.beta(0.05, 0.05, n),
        4: lambda: np.round(rng.random(n), 2),
    }[int(kind)]()
    share = rng.choice([0.0, 0.1, 0.5, 0.9, 1.0], p=[0.05, 0.3, 0.3, 0.3, 0.05])
    label = (rng.random(n) < share).astype(int)
    weight = rng.choice([0.0, 0.5, 1.0, 3.25], n, p=[0.1, 0.3, 0.3, 0.3])
    return label, score.astype(float), weight


def binary_expected(label, score, weight, threshold):
    """The metrics of a slice; `weight` is none for rows that count once."""
    if weight is not None:
        keep = weight > 0
        label, score, weight = label[keep], score[keep], weight[keep]
    if not len(label):
        return None
    mass = np.ones(len(label)) if weight is None else weight
    predicted = score >= threshold
    def of(rows):
        return math.fsum(mass[rows])

    tp, fp = of(predicted & (label == 1)), of(predicted & (label == 0))
    fn, tn = of(~predicted & (label == 1)), of(~predicted & (label == 0))
    n, both = tp + fp + fn + tn, tp + fn > 0 and fp + tn > 0
    clipped = np.clip(score, CLIP, 1 - CLIP)
    losses = np.where(label == 1, -np.log(clipped), -np.log(1 - clipped))
    error = 0.0
    bins = np.minimum((score * 10).astype(int), 9)
    for index in range(10):
        rows = bins == index
        error += abs(math.fsum(mass[rows] * score[rows]) - math.fsum(mass[rows] * label[rows])) / n
    scores = math.fsum(mass * score)
    return {
        "prevalence": (tp + fn) / n,
        "selection_rate": (tp + fp) / n,
        "accuracy": sk.accuracy_score(label, predicted, sample_weight=weight),
        "precision": ratio(tp, tp + fp),
        "recall": ratio(tp, tp + fn),
        "specificity": ratio(tn, fp + tn),
        "false_positive_rate": ratio(fp, fp + tn),
        "false_negative_rate": ratio(fn, tp + fn),
        "f1": ratio(2 * tp, 2 * tp + fp + fn),
        "balanced_accuracy": (tp / (tp + fn) + tn / (fp + tn)) / 2 if both else UNDEFINED,
        "roc_auc": sk.roc_auc_score(label, score, sample_weight=weight) if both else UNDEFINED,
        "average_precision": sk.average_precision_score(label, score, sample_weight=weight) if tp + fn else UNDEFINED,
        "log_loss": math.fsum(mass * losses) / n,
        "brier": sk.brier_score_loss(label, score, sample_weight=weight, labels=[0, 1]),
        "expected_calibration_error": error,
        "observed_expected_ratio": (tp + fn) / scores if scores > 0 else UNDEFINED,
    }


def compare_binary(binary, directory, rng, cases, comparison):
    names, labels, scores, weights, made = [], [], [], [], []
    for case in range(cases):
        made.append(binary_case(rng))
        label, score, weight = made[-1]
        names += [f"{case:05}"] * len(label)
        labels.append(label), scores.append(score), weights.append(weight)
    table = pa.table({
        "case": names,
        "label": pa.array(np.concatenate(labels), pa.int32()),
        "score": np.concatenate(scores),
        "weight": np.concatenate(weights),
        "row": pa.array(np.arange(len(names))),
    })
    file = directory / "binary.parquet"
    pq.write_table(table, file)
    for weighted in (False, True):
        options = ["--weight", "weight"] if weighted else []
        facts = evaluate(binary, file, "--label", "label", "--score", "score", "--slices", "case", "--threshold", "0.4", *options)
        groups = slices(facts)
        for case, (label, score, weight) in enumerate(made):
            expected = binary_expected(label, score, weight if weighted else None, 0.4)
            for key, value in (expected or {}).items():
                comparison.metric(f"binary {case} weighted={weighted}", key, groups[f"{case:05}"][key], value)
        whole = binary_expected(*(np.concatenate(column) for column in zip(*made)), 0.4) if weighted else binary_expected(np.concatenate(labels), np.concatenate(scores), None, 0.4)
        for key, value in whole.items():
            comparison.metric(f"binary, all rows, weighted={weighted}", key, facts["metrics"][key], value)
    same_bytes(binary, directory, table, comparison)


def same_bytes(binary, directory, table, comparison):
    """Threads, memory, order, row groups and formats change no byte but those that name the file."""
    def of(file, *options):
        facts = evaluate(binary, file, "--label", "label", "--score", "score", "--slices", "case", "--id", "row", *options)
        return {key: value for key, value in facts.items() if key not in ("data", "name")}

    def written(name, rows, **options):
        pq.write_table(rows, directory / name, **options)
        return directory / name

    plain = written("plain.parquet", table)
    expected = of(plain)
    for options in (["--threads", "1"], ["--threads", "2"], ["--threads", "7"], ["--threads", "3", "--memory", "1KiB"]):
        comparison.true(f"the same with {options}", of(plain, *options) == expected)
    order = np.random.default_rng(5).permutation(len(table))
    shuffled = table.take(order)
    for name, rows, options in [
        ("shuffled.parquet", shuffled, {}),
        ("chunks.parquet", shuffled, {"row_group_size": 997, "compression": "zstd"}),
        ("pages.parquet", table, {"data_page_size": 512, "use_dictionary": False, "compression": "gzip"}),
        ("checked.parquet", table, {"write_page_checksum": True, "compression": "lz4"}),
    ]:
        comparison.true(f"the same from {name}", of(written(name, rows, **options)) == expected)
    pa_csv.write_csv(table, directory / "rows.csv")
    with pa.OSFile(str(directory / "rows.arrow"), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=1000)
    with pa.OSFile(str(directory / "stream.arrow"), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(shuffled, max_chunksize=77)
    with open(directory / "rows.jsonl", "w", encoding="utf-8") as lines:
        lines.writelines(json.dumps(row) + "\n" for row in table.to_pylist())
    for name in ("rows.csv", "rows.arrow", "stream.arrow", "rows.jsonl"):
        found = of(directory / name)
        comparison.true(f"the same from {name}", found == expected)


# ---- numbers -------------------------------------------------------------------------------------------------------

def regression_case(rng):
    n = int(rng.integers(1, 50))
    scale = float(10.0 ** rng.integers(-3, 5))
    actual = rng.normal(size=n) * scale
    if rng.random() < 0.3:
        actual = np.abs(actual)
    if rng.random() < 0.1:
        actual = np.full(n, 2.0)
    predicted = actual + rng.normal(size=n) * scale * rng.choice([0.0, 0.1, 1.0])
    if rng.random() < 0.3:
        predicted = np.abs(predicted)
    return actual, predicted, rng.choice([0.0, 0.5, 1.0, 2.75], n, p=[0.1, 0.3, 0.3, 0.3])


def regression_expected(actual, predicted, weight):
    if weight is not None:
        keep = weight > 0
        actual, predicted, weight = actual[keep], predicted[keep], weight[keep]
    if not len(actual):
        return None
    mass = np.ones(len(actual)) if weight is None else weight
    errors, total = predicted - actual, math.fsum(mass)
    sizes = math.fsum(mass * np.abs(actual))
    signed = {"mean_error": (mass * errors, np.abs(errors).max()), "actual_mean": (mass * actual, np.abs(actual).max())}
    expected = {key: (math.fsum(terms) / total, 1e-12 * size + 1e-300) for key, (terms, size) in signed.items()}
    expected |= {
        "mean_absolute_error": (sk.mean_absolute_error(actual, predicted, sample_weight=weight), 1e-300),
        "root_mean_squared_error": (sk.root_mean_squared_error(actual, predicted, sample_weight=weight), 1e-300),
        "mean_absolute_percentage_error": (
            sk.mean_absolute_percentage_error(actual, predicted, sample_weight=weight) if (actual != 0).all() else UNDEFINED, 1e-300,
        ),
        "weighted_absolute_percentage_error": (ratio(math.fsum(mass * np.abs(errors)), sizes), 1e-300),
    }
    if (actual > -1).all() and (predicted > -1).all():
        expected["root_mean_squared_log_error"] = (sk.root_mean_squared_log_error(actual, predicted, sample_weight=weight), 1e-13)
    mean = math.fsum(mass * actual) / total
    spread = math.fsum(mass * (actual - mean) ** 2)
    if len(set(actual)) > 1:
        residual = math.fsum(mass * errors**2)
        expected["r_squared"] = (1 - residual / spread, 1e-12 * (1 + residual / spread))
    else:
        expected["r_squared"] = (UNDEFINED, 0)
    return expected


def compare_regression(binary, directory, rng, cases, comparison):
    made = [regression_case(rng) for _ in range(cases)]
    names = [f"{case:05}" for case, columns in enumerate(made) for _ in columns[0]]
    actual, predicted, weight = (np.concatenate(column) for column in zip(*made))
    pq.write_table(pa.table({"case": names, "y": actual, "p": predicted, "w": weight}), directory / "regression.parquet")
    for weighted in (False, True):
        options = ["--weight", "w"] if weighted else []
        facts = evaluate(
            binary, directory / "regression.parquet", "--task", "regression", "--label", "y", "--prediction", "p", "--slices", "case", *options,
        )
        groups = slices(facts)
        for case, (actual, predicted, weight) in enumerate(made):
            for key, (value, absolute) in (regression_expected(actual, predicted, weight if weighted else None) or {}).items():
                comparison.metric(f"regression {case} weighted={weighted}", key, groups[f"{case:05}"][key], value, absolute)


# ---- rankings ------------------------------------------------------------------------------------------------------

def compare_ranking(binary, directory, rng, cases, comparison):
    """Each case is a set of one query, so that the mean over queries is the query's own value."""
    made, columns = [], {"case": [], "query": [], "relevance": [], "score": []}
    for case in range(cases):
        n = int(rng.integers(2, 25))
        relevance = rng.integers(0, 4, n) * (rng.random(n) < 0.6)
        score = rng.integers(0, 8, n) / 8 if rng.random() < 0.5 else rng.random(n)
        made.append((relevance, score))
        columns["case"] += [f"{case:05}"] * n
        columns["query"] += [case] * n
        columns["relevance"] += relevance.tolist()
        columns["score"] += score.tolist()
    pq.write_table(pa.table(columns), directory / "ranking.parquet")
    for k in (3, 10):
        facts = evaluate(
            binary, directory / "ranking.parquet", "--task", "ranking", "--label", "relevance", "--score", "score", "--query", "query",
            "--slices", "case", "--k", str(k),
        )
        groups = slices(facts)
        for case, (relevance, score) in enumerate(made):
            expected = sk.ndcg_score([relevance], [score], k=k) if relevance.any() else UNDEFINED
            comparison.metric(f"ranking {case} k={k}", "ndcg", groups[f"{case:05}"]["ndcg"], expected)


# ---- forecasts -----------------------------------------------------------------------------------------------------

def compare_forecasts(binary, directory, rng, cases, comparison):
    columns, made = {"case": [], "series": [], "h": [], "y": [], "p": [], "scale": []}, []
    for case in range(cases):
        scaled = []
        for series in range(int(rng.integers(1, 4))):
            n, scale = int(rng.integers(1, 12)), float(rng.choice([0.0, 0.5, 2.0], p=[0.05, 0.45, 0.5]))
            actual = rng.normal(size=n) * 5
            predicted = actual + rng.normal(size=n)
            scaled.append((np.abs(predicted - actual), scale))
            for key, values in {"case": [f"{case:05}"] * n, "series": [f"{case}-{series}"] * n, "h": list(range(1, n + 1))}.items():
                columns[key] += values
            columns["y"] += actual.tolist()
            columns["p"] += predicted.tolist()
            columns["scale"] += [scale] * n
        made.append(scaled)
    pq.write_table(pa.table(columns), directory / "forecast.parquet")
    facts = evaluate(
        binary, directory / "forecast.parquet", "--task", "forecasting", "--label", "y", "--prediction", "p", "--series", "series",
        "--horizon", "h", "--scale", "scale", "--slices", "case",
    )
    groups = slices(facts)
    for case, scaled in enumerate(made):
        broken = any(scale == 0 for _, scale in scaled)
        errors = UNDEFINED if broken else math.fsum(math.fsum(error) / len(error) / scale for error, scale in scaled) / len(scaled)
        comparison.metric(f"forecast {case}", "mean_absolute_scaled_error", groups[f"{case:05}"]["mean_absolute_scaled_error"], errors)
    comparison.true("a horizon for each step", [entry["horizon"] for entry in facts["horizons"]] == sorted(set(columns["h"])))


# ---- several classes, several labels a row -------------------------------------------------------------------------

CLASSES = ["a", "b", "c", "d"]
AVERAGED = {"precision": sk.precision_score, "recall": sk.recall_score, "f1": sk.f1_score}


def several_case(rng):
    n, count = int(rng.integers(1, 50)), len(CLASSES)
    pool = rng.permutation(count)[: rng.integers(1, count + 1)] if rng.random() < 0.3 else np.arange(count)
    label = rng.choice(pool, n)
    probability = {
        0: lambda: rng.dirichlet(np.ones(count), n),
        1: lambda: rng.multinomial(4, np.ones(count) / count, n) / 4,
        2: lambda: np.full((n, count), 1 / count),
        3: lambda: np.eye(count)[rng.integers(0, count, n)],
    }[int(rng.integers(0, 4))]()
    return label, probability, rng.choice([0.0, 0.5, 1.0, 3.25], n, p=[0.1, 0.3, 0.3, 0.3])


def averages(label, predicted, weight, present, decided):
    """Macro, micro and weighted precision, recall and F1. `present` and `decided` say which classes have rows, and which are predicted."""
    expected, count = {}, len(present)
    for key, metric in AVERAGED.items():
        # Without a row a recall has no value; without a prediction a precision has none. A mean over all classes needs rows of each.
        known = {"precision": decided, "recall": present, "f1": present | decided}[key]
        labels = list(range(count))
        for average in ("macro", "weighted", "micro"):
            value = metric(label, predicted, labels=labels, average=average, sample_weight=weight, zero_division=0)
            whole = known.all() and present.all() if average == "macro" else known[present].all() and present.any()
            micro = {"precision": decided.any(), "recall": present.any(), "f1": (present | decided).any()}[key]
            expected[f"{average}_{key}"] = value if (micro if average == "micro" else whole) else UNDEFINED
    return expected


def multiclass_expected(label, probability, weight):
    if weight is not None:
        keep = weight > 0
        label, probability, weight = label[keep], probability[keep], weight[keep]
    if not len(label):
        return None
    count, predicted = len(CLASSES), probability.argmax(axis=1)
    present, decided = (np.isin(np.arange(count), column) for column in (label, predicted))
    mass = np.ones(len(label)) if weight is None else weight
    expected = averages(label, predicted, weight, present, decided) | {
        "accuracy": sk.accuracy_score(label, predicted, sample_weight=weight),
        "balanced_accuracy": sk.balanced_accuracy_score(label, predicted, sample_weight=weight) if present.all() else UNDEFINED,
        "matthews_correlation": sk.matthews_corrcoef(label, predicted, sample_weight=weight) if present.sum() > 1 and decided.sum() > 1 else UNDEFINED,
        "log_loss": sk.log_loss(label, probability, labels=range(count), sample_weight=weight),
        "brier": math.fsum(mass * ((probability - np.eye(count)[label]) ** 2).sum(axis=1)) / math.fsum(mass),
        "top_k_accuracy": math.fsum(mass[(probability >= probability[np.arange(len(label)), label][:, None]).sum(axis=1) <= 2]) / math.fsum(mass),
    }
    areas = present.all()
    for key, average, pairs in (("macro_roc_auc_ovr", "macro", "ovr"), ("weighted_roc_auc_ovr", "weighted", "ovr"), ("macro_roc_auc_ovo", "macro", "ovo")):
        if not areas or (pairs == "ovr" and not all(0 < (label == index).sum() < len(label) for index in range(count))):
            expected[key] = UNDEFINED
        elif pairs == "ovr" or weight is None:
            # scikit-learn takes no weights for pairs, and needs the rows' probabilities to add up to 1 in doubles.
            expected[key] = sk.roc_auc_score(label, probability, average=average, multi_class=pairs, sample_weight=None if pairs == "ovo" else weight)
    means = [sk.average_precision_score(label == index, probability[:, index], sample_weight=weight) for index in range(count) if areas]
    expected["macro_average_precision"] = math.fsum(means) / count if areas else UNDEFINED
    return expected


def compare_several(binary, directory, rng, cases, comparison):
    made = [several_case(rng) for _ in range(cases)]
    names = [f"{case:05}" for case, columns in enumerate(made) for _ in columns[0]]
    label, probability, weight = (np.concatenate(column) for column in zip(*made))
    scores = {f"p_{name}": probability[:, index] for index, name in enumerate(CLASSES)}
    pq.write_table(pa.table({"case": names, "y": [CLASSES[index] for index in label], "w": weight} | scores), directory / "several.parquet")
    for weighted in (False, True):
        facts = evaluate(
            binary, directory / "several.parquet", "--task", "multiclass", "--label", "y", "--slices", "case",
            "--classes", ",".join(f"{name}=p_{name}" for name in CLASSES), *(["--weight", "w"] if weighted else []),
        )
        groups = slices(facts)
        for case, (label, probability, weight) in enumerate(made):
            for key, value in (multiclass_expected(label, probability, weight if weighted else None) or {}).items():
                # A correlation near 0 is the difference of two numbers that are rounded.
                comparison.metric(f"several classes {case} weighted={weighted}", key, groups[f"{case:05}"][key], value, 3e-13 if key == "matthews_correlation" else 1e-13)


def labels_expected(label, score, weight):
    if weight is not None:
        keep = weight > 0
        label, score, weight = label[keep], score[keep], weight[keep]
    if not len(label):
        return None
    predicted = (score >= 0.4).astype(int)
    present, decided = label.any(axis=0), predicted.any(axis=0)
    return averages(label, predicted, weight, present, decided) | {
        "hamming_loss": sk.hamming_loss(label, predicted, sample_weight=weight),
        "subset_accuracy": sk.accuracy_score(label, predicted, sample_weight=weight),
    }


def compare_labels(binary, directory, rng, cases, comparison):
    made = []
    for _ in range(cases):
        n, count = int(rng.integers(1, 50)), len(CLASSES)
        share = rng.choice([0.0, 0.2, 0.5, 1.0], count, p=[0.05, 0.4, 0.5, 0.05])
        label = (rng.random((n, count)) < share).astype(int)
        score = rng.random((n, count)) if rng.random() < 0.5 else rng.integers(0, 6, (n, count)) / 5
        made.append((label, score, rng.choice([0.0, 0.5, 1.0, 3.25], n, p=[0.1, 0.3, 0.3, 0.3])))
    names = [f"{case:05}" for case, columns in enumerate(made) for _ in columns[0]]
    label, score, weight = (np.concatenate(column) for column in zip(*made))
    columns = {f"y_{name}": label[:, index] for index, name in enumerate(CLASSES)} | {f"p_{name}": score[:, index] for index, name in enumerate(CLASSES)}
    pq.write_table(pa.table({"case": names, "w": weight} | columns), directory / "labels.parquet")
    for weighted in (False, True):
        facts = evaluate(
            binary, directory / "labels.parquet", "--task", "multilabel", "--slices", "case", "--threshold", "0.4",
            "--classes", ",".join(f"{name}=y_{name}+p_{name}" for name in CLASSES), *(["--weight", "w"] if weighted else []),
        )
        groups = slices(facts)
        for case, (label, score, weight) in enumerate(made):
            for key, value in (labels_expected(label, score, weight if weighted else None) or {}).items():
                comparison.metric(f"several labels {case} weighted={weighted}", key, groups[f"{case:05}"][key], value)


def groups_of(columns, most):
    """Rows of every combination of values of up to `most` columns, in the order in which columns are declared."""
    for count in range(1, most + 1):
        for names in itertools.combinations(columns, count):
            keys = np.array(list(zip(*(columns[name] for name in names))))
            for key in sorted({tuple(key) for key in keys}):
                yield dict(zip(names, key)), np.all(keys == key, axis=1)


def weakest_expected(columns, loss):
    """Groups with a larger mean loss than all other rows, by brute force; and how many were looked at."""
    found = []
    for parts, inside in groups_of(columns, 3):
        own, rest = loss[inside], loss[~inside]
        if len(own) < max(100, -(-len(loss) // 200)) or len(rest) < 100:
            continue
        difference = own.mean() - rest.mean()
        error = math.sqrt(own.var(ddof=1) / len(own) + rest.var(ddof=1) / len(rest))
        found.append((parts, len(own), own.mean(), rest.mean(), difference, error))
    adjusted = stats.false_discovery_control([stats.norm.sf(entry[4] / entry[5]) for entry in found], method="bh")
    half = stats.norm.ppf(0.975)
    listed = [(*entry, p_value) for entry, p_value in zip(found, adjusted) if entry[4] - half * entry[5] > 0]
    listed.sort(key=lambda entry: (-(entry[4] - half * entry[5]), len(entry[0])))
    kept = []
    for entry in listed:
        if not any(other[0].items() <= entry[0].items() and other[2] >= entry[2] for other in kept):
            kept.append(entry)
    return kept[:10], len(found)


def compare_searched(binary, directory, rng, cases, comparison):
    """The search for weak groups and the power for margins, in files of a few thousand rows."""
    for case in range(max(1, cases // 100)):
        rows = int(rng.integers(800, 4000))
        columns = {name: rng.choice(list("abcde")[:values], rows) for name, values in [("one", 2), ("two", 4), ("three", 5)]}
        worse = (columns["one"] == "a") & (columns["two"] == "b")
        score = np.round(rng.random(rows), 3)
        label = (rng.random(rows) < np.where(worse, 1 - score, score)).astype(np.int64)
        predicted = score * 10 + rng.normal(size=rows) * np.where(worse, 3, 1)
        table = pa.table({**columns, "y": label, "s": score, "actual": score * 10, "p": predicted})
        file = directory / "searched.parquet"
        pq.write_table(table, file)
        tasks = {
            "binary": (["--label", "y", "--score", "s", "--margins", "recall=0.05,brier=0.01"], (score - label) ** 2),
            "regression": (["--task", "regression", "--label", "actual", "--prediction", "p"], np.abs(predicted - score * 10)),
        }
        for task, (arguments, loss) in tasks.items():
            facts = evaluate(binary, file, *arguments, "--slices", ",".join(columns))
            found = facts["weakest_groups"]
            expected, searched = weakest_expected(columns, loss)
            name = f"searched {case} {task}"
            comparison.true(f"{name}: groups", found["searched"] == searched)
            shown = [{part["column"]: part["value"] for part in group["parts"]} for group in found["groups"]]
            comparison.true(f"{name}: {shown}", shown == [entry[0] for entry in expected])
            for group, (_, size, mean, others, difference, error, p_value) in zip(found["groups"], expected):
                half = stats.norm.ppf(0.975) * error
                pairs = [
                    (group["mean"], mean), (group["mean_of_others"], others), (group["difference"]["low"], difference - half),
                    (group["difference"]["high"], difference + half), (group["adjusted_p_value"], p_value),
                ]
                comparison.true(f"{name}: {group}", group["rows"] == size)
                for value, wanted in pairs:
                    comparison.true(f"{name}: {value} {wanted}", math.isclose(value, wanted, rel_tol=1e-9, abs_tol=1e-12))
            if task == "binary":
                recall, positives = facts["metrics"]["recall"]["value"], label.sum()
                bound = recall - 0.05
                distance = 0.05 - stats.norm.ppf(0.975) * math.sqrt(bound * (1 - bound) / positives)
                power = stats.norm.cdf(distance / math.sqrt(recall * (1 - recall) / positives))
                error = loss.std() / math.sqrt(rows)
                powers = {"recall": power, "brier": stats.norm.cdf(0.01 / error - stats.norm.ppf(0.975))}
                for known in facts["sufficiency"]:
                    wanted = powers[known["metric"]]
                    # The interval of the Brier score is that of a mean with n − 1.
                    tolerance = 1e-9 if known["metric"] == "recall" else 2e-3
                    comparison.true(f"{name}: {known} {wanted}", math.isclose(known["power"], wanted, abs_tol=tolerance))


def compare_joined(binary, directory, rng, cases, comparison):
    """A champion of another file, in any order and format, is the one of a column."""
    for case in range(max(1, cases // 200)):
        rows = int(rng.integers(50, 500))
        ids = rng.permutation(rows * 3)[:rows] - rows
        table = pa.table({
            "id": ids, "y": rng.integers(0, 2, rows), "s": np.round(rng.random(rows), 2), "before": np.round(rng.random(rows), 2),
        })
        both, alone = directory / "both.parquet", directory / "alone.parquet"
        pq.write_table(table, both)
        pq.write_table(table.drop_columns(["before"]), alone)
        shuffled = table.select(["before", "id"]).take(rng.permutation(rows))
        pq.write_table(shuffled, directory / "champion.parquet", row_group_size=17)
        pa_csv.write_csv(shuffled, directory / "champion.csv")
        arguments = ["--label", "y", "--score", "s", "--id", "id", "--champion", "before"]
        expected = evaluate(binary, both, *arguments)["champion"]
        for other in ("champion.parquet", "champion.csv"):
            found = evaluate(binary, alone, *arguments, "--champion-file", str(directory / other), "--threads", str(case % 3 + 1))["champion"]
            comparison.true(f"joined {case}: unmatched", (found["rows_without"], found["rows_beyond"]) == (0, 0))
            comparison.true(f"joined {case} {other}", {**found, "data": None, "rows_beyond": None} == expected)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--modelgate", required=True, type=lambda path: str(Path(path).resolve()))
    parser.add_argument("--cases", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    failed = False
    with tempfile.TemporaryDirectory() as directory:
        for name, compare in {
            "two classes": compare_binary,
            "numbers": compare_regression,
            "rankings": compare_ranking,
            "forecasts": compare_forecasts,
            "several classes": compare_several,
            "several labels": compare_labels,
            "weak groups and power": compare_searched,
            "champions of other files": compare_joined,
        }.items():
            comparison = Comparison()
            compare(arguments.modelgate, Path(directory), np.random.default_rng(arguments.seed), arguments.cases, comparison)
            print(f"{name}: {comparison.checked} compared, {len(comparison.failures)} failed, largest relative difference {comparison.worst:.1e}")
            for failure in comparison.failures[:20]:
                print(f"  {failure}")
            failed |= bool(comparison.failures)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
