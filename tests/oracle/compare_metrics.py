#!/usr/bin/env python3
"""Compares every metric that the gate recomputes with scikit-learn, case by case.

    compare_metrics.py --modelgate BINARY

Each case is a release with rows made here; `modelgate facts` measures it, and every metric of every
slice is computed a second time: by scikit-learn where it has the metric, else by the formula in plain
NumPy. Where scikit-learn answers 0 to a question without an answer, `undefined` is expected instead.
"""

import argparse
import json
import math
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from sklearn import metrics as sk

ROOT = Path(__file__).resolve().parents[2]
RELATIVE = 1e-12
INTERVAL = 1e-9
LEVEL = 0.95
Z = 1.959963984540054
CLIP = 2.0**-52
NO_VALUE = object()
# An interval that nothing here computes a second time: it has to hold the value if it is there.
ANY = object()
# Metrics that have unit tests against published formulas, and no second computation here.
ELSEWHERE = {
    "matthews_correlation", "cohen_kappa", "youden_j", "gini", "kolmogorov_smirnov", "top_decile_lift", "top_decile_capture",
    "brier_skill", "calibration_slope", "calibration_intercept", "calibration_in_the_large", "observed_expected_ratio", "spiegelhalter_z",
    "score_resolution", "near_threshold", "clipped_probabilities",
}

MANIFEST = """\
version: 1
model: {{name: oracle, version: '1', owner: o, task: binary-classification, purpose: a case of the oracle}}
intake:
  exposure: internal
  decision_role: informs
  domain: other
  autonomy: human-in-the-loop
  data_classes: [public]
  jurisdictions: [EU]
  people_affected_per_year: 1
artifacts: [{{path: model.txt}}]
evaluations:
  - name: rows
    data: rows.parquet
    columns: {{label: label, score: score}}
    classes: {{positive: {positive}, negative: {negative}, favourable: negative}}
    threshold: {threshold}
    slices: [{slices}]
"""


class Case:
    def __init__(self, name, labels, scores, threshold=0.5, slices=None, positive=1, negative=0, score_type=pa.float64(), label_array=None, **parquet):
        self.name, self.threshold, self.slices = name, threshold, slices or {}
        # Where the release is, if it is not written here; and which of its slices are protected.
        self.release, self.protected = None, set(self.slices)
        self.positive, self.negative = positive, negative
        self.labels, self.scores = list(labels), list(scores)
        self.score_type, self.parquet = score_type, parquet
        self.label_array = label_array if label_array is not None else pa.array(self.labels)

    def write(self, directory):
        columns = {"label": self.label_array, "score": pa.array(self.scores, self.score_type)}
        columns |= {name: pa.array(values, pa.string()) for name, values in self.slices.items()}
        pq.write_table(pa.table(columns), directory / "rows.parquet", **self.parquet)
        (directory / "model.txt").write_text("a file to release\n")
        slices = ", ".join(f"{{column: {name}, protected: true}}" for name in self.slices)
        text = MANIFEST.format(positive=json.dumps(self.positive), negative=json.dumps(self.negative), threshold=repr(float(self.threshold)), slices=slices)
        (directory / "modelgate.yaml").write_text(text)

    def groups(self):
        """Row numbers of the whole and of each group of each slice column."""
        yield None, range(len(self.labels))
        for column, values in self.slices.items():
            for value in sorted(set(values), key=lambda value: (value is not None, value)):
                yield (column, value), [row for row, other in enumerate(values) if other == value]

    def rows(self, numbers):
        """Labels as 0 and 1 and scores as doubles, or None if one of them is invalid."""
        labels, scores = [], []
        for row in numbers:
            label, score = self.labels[row], self.scores[row]
            known = {self.positive: 1, self.negative: 0}.get(label) if label is not None and type(label) is type(self.positive) else None
            if known is None or score is None:
                return None
            # The gate reads what the file holds: a float32 score widens to a double.
            score = float(np.float32(score)) if self.score_type == pa.float32() else float(score)
            if not (math.isfinite(score) and 0 <= score <= 1):
                return None
            labels.append(known)
            scores.append(score)
        return np.array(labels, dtype=int), np.array(scores, dtype=float)

    def counts(self):
        """Rows by what is wrong with them; the first reason that applies counts."""
        names = ("valid", "label_missing", "label_unknown", "score_missing", "score_not_finite", "score_out_of_range")
        counts = dict.fromkeys(names, 0)
        for label, score in zip(self.labels, self.scores):
            if label is None:
                reason = "label_missing"
            elif label not in (self.positive, self.negative):
                reason = "label_unknown"
            elif score is None:
                reason = "score_missing"
            elif not math.isfinite(score):
                reason = "score_not_finite"
            else:
                reason = "valid" if 0 <= score <= 1 else "score_out_of_range"
            counts[reason] += 1
        return counts | {"total": len(self.labels)}


def wilson(successes, trials):
    share, z2 = successes / trials, Z * Z
    centre = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    half = Z / (1 + z2 / trials) * math.sqrt(share * (1 - share) / trials + z2 / (4 * trials * trials))
    return max(0.0, centre - half), min(1.0, centre + half)


def delong(labels, scores):
    """Straight from the definition of the placement values, every pair of rows."""
    positives, negatives = scores[labels == 1], scores[labels == 0]
    if len(positives) < 2 or len(negatives) < 2:
        return None
    wins = (positives[:, None] > negatives[None, :]) + 0.5 * (positives[:, None] == negatives[None, :])
    area = wins.mean()
    variance = wins.mean(axis=1).var(ddof=1) / len(positives) + wins.mean(axis=0).var(ddof=1) / len(negatives)
    if not 0 < area < 1 or variance <= 0:
        return None
    half = Z * math.sqrt(variance) / (area * (1 - area))
    expit = lambda x: 1 / (1 + math.exp(-x))
    logit = math.log(area / (1 - area))
    return expit(logit - half), expit(logit + half)


def mean_of_two(recall, recall_ends, specificity, specificity_ends):
    """Zou and Donner (2008): the distances to the ends of the two intervals add like errors."""
    mean = (recall + specificity) / 2
    low = mean - math.hypot(recall - recall_ends[0], specificity - specificity_ends[0]) / 2
    high = mean + math.hypot(recall_ends[1] - recall, specificity_ends[1] - specificity) / 2
    return max(0.0, low), min(1.0, high)


def mean_loss(losses):
    """The central limit theorem; losses are not negative."""
    if len(losses) < 2:
        return None
    half = Z * losses.std(ddof=1) / math.sqrt(len(losses))
    return max(0.0, losses.mean() - half), losses.mean() + half


def calibration_error(labels, scores):
    bins = np.minimum((scores * 10).astype(int), 9)
    return sum(abs(math.fsum(scores[bins == index]) - labels[bins == index].sum()) for index in range(10)) / len(labels)


def expected(labels, scores, threshold):
    """Metric → (value or NO_VALUE, interval or None, its method, rows or denominator, numerator or None)."""
    decided = (scores >= threshold).astype(int)
    n, positives = len(labels), int(labels.sum())
    negatives, selected = n - positives, int(decided.sum())
    tp, tn = int((decided & labels).sum()), int(((1 - decided) & (1 - labels)).sum())
    nothing = (NO_VALUE, None, None, None, None)
    rate = lambda k, of, value: (value(), wilson(k, of), "wilson", of, k) if of else nothing
    both = positives > 0 and negatives > 0
    union = positives + selected - tp
    jaccard = lambda: [2 * end / (1 + end) for end in wilson(tp, union)]
    sides = lambda: (tp / positives, wilson(tp, positives), tn / negatives, wilson(tn, negatives))
    clipped = np.clip(scores, CLIP, 1 - CLIP)
    surprise = -np.log(np.where(labels == 1, clipped, 1 - clipped))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = {
            "prevalence": rate(positives, n, lambda: positives / n),
            "selection_rate": rate(selected, n, lambda: selected / n),
            "favourable_rate": rate(n - selected, n, lambda: (n - selected) / n),
            "accuracy": rate(tp + tn, n, lambda: sk.accuracy_score(labels, decided)),
            "precision": rate(tp, selected, lambda: sk.precision_score(labels, decided)),
            "recall": rate(tp, positives, lambda: sk.recall_score(labels, decided)),
            "specificity": rate(tn, negatives, lambda: sk.recall_score(labels, decided, pos_label=0)),
            "negative_predictive_value": rate(tn, n - selected, lambda: sk.precision_score(labels, decided, pos_label=0)),
            "false_positive_rate": rate(negatives - tn, negatives, lambda: 1 - sk.recall_score(labels, decided, pos_label=0)),
            "false_negative_rate": rate(positives - tp, positives, lambda: 1 - sk.recall_score(labels, decided)),
            "false_discovery_rate": rate(selected - tp, selected, lambda: 1 - sk.precision_score(labels, decided)),
            "false_omission_rate": rate(n - selected - tn, n - selected, lambda: 1 - sk.precision_score(labels, decided, pos_label=0)),
            "f1": (sk.f1_score(labels, decided), jaccard(), "wilson-jaccard", union, None) if union else nothing,
            "balanced_accuracy": (sk.balanced_accuracy_score(labels, decided), mean_of_two(*sides()), "mover-wilson", n, None) if both else nothing,
            "roc_auc": (sk.roc_auc_score(labels, scores), delong(labels, scores), "delong-logit", n, None) if both else nothing,
            "average_precision": (sk.average_precision_score(labels, scores), ANY, None, n, None) if positives else nothing,
            "log_loss": (sk.log_loss(labels, clipped, labels=[0, 1]), mean_loss(surprise), "clt", n, None),
            "brier": (sk.brier_score_loss(labels, scores), mean_loss((scores - labels) ** 2), "clt", n, None),
            "expected_calibration_error": (calibration_error(labels, scores), ANY, None, n, None),
        }
    return result


SLICE_ONLY = {"negative_predictive_value", "false_discovery_rate", "false_omission_rate"}
METRICS = tuple(expected(np.array([0, 1]), np.array([0.2, 0.8]), 0.5))


def close(left, right, tolerance):
    return abs(left - right) <= tolerance * max(1.0, abs(right)) if abs(right) < 1e-3 else abs(left - right) <= tolerance * abs(right)


def differences(found, wanted, whole):
    """What is different between the metrics of the facts and the second computation."""
    yield from other_names(found, wanted, whole)
    for name in sorted(found.keys() & wanted.keys()):
        (value, interval, method, n, numerator), metric = wanted[name], found[name]
        stated = metric["interval"] or {}
        ends = stated and (stated["low"], stated["high"])
        if value is NO_VALUE:
            if metric["status"] != "undefined" or metric["value"] is not None or stated or not metric["reason"]:
                yield f"{name}: {metric['status']} {metric['value']}, interval {ends}, expected undefined with a reason"
            continue
        if metric["status"] != "ok" or metric["value"] is None or not close(metric["value"], value, RELATIVE):
            yield f"{name}: {metric['status']} {metric['value']}, expected {value!r}"
        if (metric["n"], metric["numerator"]) != (n, numerator):
            yield f"{name}: {metric['numerator']} of {metric['n']}, expected {numerator} of {n}"
        if metric["definition"] != f"{name}/1":
            yield f"{name}: definition {metric['definition']}, expected version 1"
        if interval is ANY:
            if stated and not ends[0] <= metric["value"] <= ends[1]:
                yield f"{name}: interval {ends} without the value {metric['value']}"
        elif bool(stated) != (interval is not None) or (stated and not all(close(a, b, INTERVAL) for a, b in zip(ends, interval))):
            yield f"{name}: interval {ends or None}, expected {interval}"
        elif stated and (stated["level"], stated["method"]) != (LEVEL, method):
            yield f"{name}: interval by {stated['method']} at {stated['level']}, expected {method} at {LEVEL}"
        if bool(metric["reason"]) != (not stated):
            yield f"{name}: reason {metric['reason']!r}, expected one exactly where there is no interval"


def other_names(found, wanted, whole):
    """Metrics that are on one side only. A group has fewer of them than all rows together."""
    wanted = set(wanted) if whole else set(wanted) - SLICE_ONLY
    for name in sorted((found.keys() - ELSEWHERE) ^ wanted):
        yield f"{name}: {'not expected' if name in found else 'missing'}"


def misplaced(case, evaluation):
    """What is different between the counts of rows and the list of groups and those of the case."""
    rows = evaluation["rows"]
    for name, count in case.counts().items():
        if rows[name] != count:
            yield f"rows: {name} is {rows[name]}, expected {count}"
    listed = [(entry["column"], None if entry["missing"] else entry["value"], entry["rows"], entry["protected"]) for entry in evaluation["slices"]]
    wanted = [(*key, len(numbers), key[0] in case.protected) for key, numbers in case.groups() if key]
    wanted.sort(key=lambda entry: (entry[0], entry[1] is not None, entry[1] or ""))
    if listed != wanted:
        yield f"slices {listed}, expected {wanted}"


def check(case, binary):
    with tempfile.TemporaryDirectory() as temporary:
        directory = case.release or Path(temporary)
        if case.release is None:
            case.write(directory)
        ran = subprocess.run([binary, "facts", str(directory)], capture_output=True, text=True)
    if ran.returncode != 0:
        return [f"exit {ran.returncode}: {ran.stderr.strip()[:500]}"]
    evaluation = json.loads(ran.stdout)["evaluations"][0]
    slices = {(entry["column"], None if entry["missing"] else entry["value"]): entry for entry in evaluation["slices"]}
    found = list(misplaced(case, evaluation))
    for key, numbers in case.groups():
        place = "all rows" if key is None else f"{key[0]}={key[1]}"
        if key is not None and key not in slices:
            continue
        measured = evaluation["metrics"] if key is None else slices[key]["metrics"]
        rows = case.rows(numbers)
        if rows is None:
            empty = lambda metric: metric["status"] == "error" and metric["value"] is None and metric["interval"] is None and metric["reason"]
            broken = [name for name, metric in measured.items() if not empty(metric)]
            found += [f"{place}: {name} is no error with a reason over invalid rows" for name in broken]
            found += [f"{place}: {line}" for line in other_names(measured, METRICS, key is None)]
            continue
        found += [f"{place}: {line}" for line in differences(measured, expected(*rows, case.threshold), key is None)]
    return found


def adversarial():
    yield Case("ties", [0, 1, 0, 1, 1, 0, 0, 1], [0.5, 0.5, 0.5, 0.5, 0.2, 0.2, 0.9, 0.9])
    yield Case("constant score", [0, 1, 1, 0, 0], [0.3] * 5)
    yield Case("only positives", [1, 1, 1], [0.2, 0.6, 0.9])
    yield Case("only negatives", [0, 0, 0], [0.2, 0.6, 0.9])
    yield Case("one row, positive", [1], [0.7])
    yield Case("one row, negative", [0], [0.7])
    yield Case("perfect", [0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9])
    yield Case("perfectly wrong", [1, 1, 0, 0], [0.1, 0.2, 0.8, 0.9])
    yield Case("scores at the threshold", [0, 1, 0, 1], [0.5, 0.5, 0.4999999999999999, 0.5000000000000001])
    yield Case("certain and wrong", [1, 0, 1, 0], [0.0, 1.0, 1.0, 0.0])
    yield Case("nothing selected", [1, 0, 1], [0.1, 0.2, 0.3], threshold=1.0)
    yield Case("everything selected", [1, 0, 1], [0.1, 0.2, 0.3], threshold=0.0)
    yield Case("bin edges", [0, 1] * 6, [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 0.30000000000000004])
    yield Case("tiny scores", [0, 1, 0, 1], [5e-324, 1e-300, 1e-17, 2e-16])
    yield Case("float32", [0, 1, 1, 0, 1], [0.1, 0.9, 0.3, 0.3, 1.0], score_type=pa.float32(), threshold=0.3)
    yield Case("boolean labels", [True, False, True, False], [0.9, 0.8, 0.4, 0.1], positive=True, negative=False)
    yield Case("string labels", ["bad", "good", "bad", "good"], [0.9, 0.8, 0.4, 0.1], positive="bad", negative="good")
    words = ["ja", "nein", "ja", "nein", "ja"]
    yield Case("dictionary labels", words, [0.9, 0.8, 0.4, 0.1, 0.2], positive="ja", negative="nein", label_array=pa.array(words).dictionary_encode())
    for kind in (pa.int8(), pa.int16(), pa.int64(), pa.uint8(), pa.uint64()):
        yield Case(f"{kind} labels", [1, 0, 1, 0], [0.9, 0.8, 0.4, 0.1], label_array=pa.array([1, 0, 1, 0], kind))
    yield Case("labels 1 and 2", [1, 2, 2, 1], [0.9, 0.8, 0.4, 0.1], positive=2, negative=1)
    for name, labels, scores in [
        ("null label", [1, None, 0], [0.9, 0.5, 0.1]),
        ("unknown label", [1, 7, 0], [0.9, 0.5, 0.1]),
        ("null score", [1, 0, 0], [0.9, None, 0.1]),
        ("NaN score", [1, 0, 0], [0.9, math.nan, 0.1]),
        ("infinite score", [1, 0, 0], [0.9, math.inf, 0.1]),
        ("negative score", [1, 0, 0], [0.9, -1e-9, 0.1]),
        ("score above one", [1, 0, 0], [0.9, 1.0000000000000002, 0.1]),
    ]:
        # Invalid rows spoil their own group and the whole, and no other group.
        groups = {"group": ["clean", "broken", "clean"]}
        yield Case(name, labels, scores, slices=groups)
    yield Case("null and foreign slice values", [1, 0, 1, 0, 1, 0], [0.9, 0.8, 0.4, 0.1, 0.6, 0.2], slices={"group": ["ä", None, "ä", "Ω|`<b>", None, ""]})


def random_cases():
    generator = np.random.default_rng(20261123)
    codecs = ["snappy", "zstd", "gzip", "none", "brotli", "lz4"]
    for number in range(40):
        rows = int(generator.choice([1, 2, 3, 10, 100, 1000, 5000]))
        prevalence = float(generator.choice([0.001, 0.05, 0.3, 0.5, 0.9, 0.999]))
        labels = (generator.random(rows) < prevalence).astype(int)
        scores = np.clip(generator.beta(2, 3, rows) + 0.15 * labels * generator.random(rows), 0, 1)
        decimals = int(generator.choice([1, 2, 4, 16]))
        scores = np.round(scores, decimals)
        groups = {
            "first": [None if value == 3 else f"group {value}" for value in generator.integers(0, 5, rows)],
            "second": [str(value) for value in generator.integers(0, 3, rows)],
        }
        yield Case(
            f"random {number}: {rows} rows, prevalence {prevalence}, {decimals} decimals",
            labels.tolist(), scores.tolist(), threshold=round(float(generator.random()), 3), slices=groups,
            score_type=pa.float32() if number % 5 == 0 else pa.float64(),
            compression=codecs[number % len(codecs)], row_group_size=int(generator.choice([7, 100, 10000])),
        )


def example():
    release = ROOT / "fixtures/credit-scoring/approved"
    rows = pq.read_table(release / "data/holdout.parquet").to_pydict()
    slices = {name: rows[name] for name in ("sex", "age_band", "housing")}
    case = Case("the example release", rows["default"], rows["probability"], slices=slices)
    case.release, case.protected = release, {"sex", "age_band"}
    yield case


def noticed(shift):
    """Whether each metric that such a shift touches is reported, and no other."""
    wanted = expected(np.array([0, 1, 1, 0]), np.array([0.1, 0.6, 0.4, 0.5]), 0.5)
    found, touched = {}, set()
    for name, (value, ends, method, n, numerator) in wanted.items():
        ends = None if ends is ANY else ends
        interval = ends and {"low": ends[0] + shift.get("low", 0), "high": ends[1], "level": LEVEL, "method": method}
        moved = None if numerator is None else numerator + shift.get("numerator", 0)
        found[name] = {
            "definition": f"{name}/1", "status": "ok", "value": value + shift.get("value", 0), "n": n + shift.get("n", 0),
            "numerator": moved, "interval": interval, "reason": None if ends else "none",
        }
        if "value" in shift or "n" in shift or ("numerator" in shift and moved is not None) or ("low" in shift and ends):
            touched.add(name)
    return {line.split(":")[0] for line in differences(found, wanted, True)} == touched


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--modelgate", required=True, help="the binary")
    binary = parser.parse_args().modelgate
    passed = failed = 0
    for cases in (example(), adversarial(), random_cases()):
        for case in cases:
            found = check(case, binary)
            passed, failed = passed + (not found), failed + bool(found)
            for line in found[:10]:
                print(f"FAILED: {case.name}: {line}")
    # A comparison that cannot fail compares nothing: a second computation that is off by 1e-9 must show.
    for shift in ({}, {"value": 1e-9}, {"n": 1}, {"numerator": 1}, {"low": 1e-6}):
        shows = noticed(shift)
        passed, failed = passed + shows, failed + (not shows)
        if not shows:
            print(f"FAILED: the comparison itself: {shift or 'nothing shifted'}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
