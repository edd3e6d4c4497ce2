"""How the cost of a store grows with its log: append, index, find and log, beside SQLite with the same rows.

    python benches/store.py --modelgate target/release/modelgate [--entries 1e3,1e4,1e5,1e6] [--repeat 5] [--work DIR] [--keep]

Logs are written directly, each entry a file of its own with a valid link and frontier, as the program would have
written it (and `store index` checks each). A million entries take 4 GB of disk, a million inodes and a few minutes.
Medians of the repeats; seconds of whole processes, so that the first column of the second table is part of each.
"""

import argparse
import contextlib
import datetime
import hashlib
import json
import os
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
TIERS = ["minimal", "limited", "high", "critical"]
DECISIONS = ["approve", "approve", "approve", "conditional", "deny"]
MONTHS = 36
RUNS_OF_A_MODEL = 500


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def sha256(content):
    return hashlib.sha256(content)


def put(root, path, content):
    path = root / path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def blob(root, content):
    digest = sha256(content).hexdigest()
    put(root, f"v1/blobs/sha256/{digest[:2]}/{digest}", content)
    return digest


def with_leaf(frontier, size, leaf):
    """The compact range after one more leaf (RFC 6962, section 2.1)."""
    frontier, node = list(frontier), leaf
    while size & 1:
        node = sha256(b"\1" + frontier.pop() + node).digest()
        size >>= 1
    return frontier + [node]


def leaves(entries, blobs):
    """Runs of as many models as have RUNS_OF_A_MODEL each, over MONTHS months."""
    numbers = random.Random(7)
    models = max(10, entries // RUNS_OF_A_MODEL)
    start = datetime.datetime(2024, 1, 1)
    seconds = MONTHS * 365 * 86_400 // 12
    for sequence in range(entries):
        model = numbers.randrange(models)
        moment = start + datetime.timedelta(seconds=sequence * seconds // entries)
        yield {
            "version": 1,
            "run_key": sha256(b"run %d" % sequence).hexdigest(),
            "decision": numbers.choice(DECISIONS),
            "decision_record": blobs[0],
            "facts": blobs[1],
            "model": f"team-{model % 17:02}/model-{model:05}",
            "model_version": f"1.{sequence // models}.0",
            "tier": TIERS[model % 4],
            "effective_time": moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "statements": blobs[2:4],
            "bundles": blobs[2:4],
            "blobs": [blobs[1], blobs[0], blobs[4]],
            "subjects": 6,
        }


def row(sequence, leaf):
    return (sequence, leaf["model"], leaf["model_version"], leaf["tier"], leaf["decision"], leaf["effective_time"], leaf["run_key"])


def generate(root, entries):
    """Writes a store of so many entries."""
    put(root, "v1/meta.json", canonical({"format": 1, "origin": "modelgate-store/benchmark"}))
    blobs = [blob(root, f"blob {number}".encode()) for number in range(5)]
    directory = root / "v1/log/entry"
    directory.mkdir(parents=True)
    frontier, previous = [], None
    for sequence, leaf in enumerate(leaves(entries, blobs)):
        entry = {"seq": sequence, "previous": previous, "frontier": [node.hex() for node in frontier], "leaf": leaf}
        content = canonical(entry)
        # Without Python's own layers: a million files are opened.
        file = os.open(f"{directory}/{sequence:012}", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        os.write(file, content)
        os.close(file)
        previous = sha256(content).hexdigest()
        frontier = with_leaf(frontier, sequence, sha256(b"\0" + canonical(leaf)).digest())


def timed(command, **more):
    """Seconds of wall time, peak resident MiB, and stdout with stderr."""
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **more)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - start
    if status:
        sys.exit(f"{' '.join(command)} ended with {os.waitstatus_to_exitcode(status)}:\n{output}")
    return seconds, usage.ru_maxrss / 1024, output


def median_of(repeat, command):
    return statistics.median(timed(command)[0] for _ in range(repeat))


def appended(binary, store, work, repeat):
    """Median seconds that a check takes to sign and store, by its own timings; each is another run."""
    key = work / "key.pem"
    if not key.exists():
        timed([binary, "keygen", str(key)])
    seconds = []
    for number in range(repeat):
        day = f"2999-01-{number + 1:02}"
        command = [binary, "check", str(CHECKOUT / "fixtures/credit-scoring/approved"), "--store", str(store), "--key", str(key)]
        output = timed([*command, "--out", str(work / "evidence"), "--effective-time", day, "--timings"])[2]
        for line in output.splitlines():
            words = line.split()
            if words[:1] == ["evidence"]:
                seconds.append(float(words[1]) / 1e3)
    return statistics.median(seconds)


def sqlite(file, rows, model, repeat):
    """Seconds for all rows in one transaction with their index; for one durable row; and for the newest of a model."""
    start = time.monotonic()
    database = sqlite3.connect(file)
    database.execute("PRAGMA synchronous = FULL")
    database.execute("CREATE TABLE runs (sequence INTEGER PRIMARY KEY, model, version, tier, decision, time, run)")
    database.execute("CREATE INDEX of_model ON runs (model, sequence)")
    database.executemany("INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
    database.commit()
    filled = time.monotonic() - start
    one, found = [], []
    for number in range(repeat):
        start = time.monotonic()
        database.execute("INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?)", (len(rows) + number, *rows[0][1:]))
        database.commit()
        one.append(time.monotonic() - start)
    database.close()
    for _ in range(repeat):
        start = time.monotonic()
        database = sqlite3.connect(file)
        database.execute("SELECT * FROM runs WHERE model = ? ORDER BY sequence DESC LIMIT 100", (model,)).fetchall()
        database.close()
        found.append(time.monotonic() - start)
    return filled, statistics.median(one), statistics.median(found)


def measure(binary, work, entries, repeat):
    store = work / f"store-{entries}"
    start = time.monotonic()
    if not store.exists():
        generate(store, entries)
    generated = time.monotonic() - start
    rows = [row(sequence, leaf) for sequence, leaf in enumerate(leaves(entries, [""] * 5))]
    model = rows[-1][1]
    at = ["--store", str(store)]
    log = median_of(repeat, [binary, "store", "log", *at])
    indexed, memory, _ = timed([binary, "store", "index", *at])
    find = [binary, "store", "find", *at, "--model"]
    one = median_of(repeat, [*find, model])
    pattern = median_of(repeat, [*find, f"{model[:-1]}*"])
    without = timed([*find, model, "--no-index"])[0]
    append = appended(binary, store, work, repeat)
    behind = timed([binary, "store", "index", *at])[0]
    audit = None
    if subprocess.run([binary, "store", "audit", "--help"], capture_output=True).returncode == 0:
        audit = timed([binary, "store", "audit", *at])[0]
    size = sum(file.stat().st_size for file in (store / "v1/index").rglob("*.parquet"))
    filled, insert, select = sqlite(work / f"{entries}.sqlite", rows, model, repeat)
    return {
        "entries": f"{entries:,}",
        "generated, s": f"{generated:.1f}",
        "append, ms": f"{append * 1e3:.0f}",
        "audit, s": "" if audit is None else f"{audit:.2f}",
        "`index`, s": f"{indexed:.2f}",
        "peak MiB": f"{memory:.0f}",
        f"`index` of {repeat} more, s": f"{behind:.2f}",
        "bytes of index an entry": f"{size / entries:.0f}",
        "`find --model`, ms": f"{one * 1e3:.0f}",
        "by glob, ms": f"{pattern * 1e3:.0f}",
        "`--no-index`, s": f"{without:.2f}",
        "`log`, ms": f"{log * 1e3:.0f}",
        "SQLite: fill, s": f"{filled:.2f}",
        "insert, ms": f"{insert * 1e3:.1f}",
        "find, ms": f"{select * 1e3:.1f}",
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--modelgate", required=True, type=lambda path: str(Path(path).resolve()))
    parser.add_argument("--entries", type=lambda text: [int(float(part)) for part in text.split(",")], default="1e3,1e4,1e5,1e6")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--work", type=Path)
    parser.add_argument("--keep", action="store_true", help="leave the stores in --work, and use those without an index that are there")
    arguments = parser.parse_args()
    print(f"starting the program: {median_of(arguments.repeat, [arguments.modelgate, '--version']) * 1e3:.0f} ms")
    for number, entries in enumerate(arguments.entries):
        # One after the other: a million files are removed before the next.
        with contextlib.nullcontext(arguments.work) if arguments.keep else tempfile.TemporaryDirectory(dir=arguments.work) as work:
            found = measure(arguments.modelgate, Path(work), entries, arguments.repeat)
        if number == 0:
            print("| " + " | ".join(found) + " |\n|" + "---|" * len(found))
        print("| " + " | ".join(found.values()) + " |", flush=True)


if __name__ == "__main__":
    main()
