"""How much a cluster of executors on this machine costs beside one process with as many threads.

Both evaluate the same files, in turn, and have to print the same bytes. The cluster's two passes, what it sends between
them and the scheduling are all in its time; its network is this machine's loopback.

    cargo build --release --features cluster
    python benches/cluster.py --modelgate target/release/modelgate --rows 2e7 --files 16
"""

import argparse
import os
import pathlib
import socket
import statistics
import subprocess
import tempfile
import time

import numpy
import pyarrow
import pyarrow.parquet

ASKED = ["--label", "y", "--score", "p", "--slices", "region,sex", "--intersect", "region+sex", "--output", "json"]


def write(directory: pathlib.Path, rows: int, files: int) -> None:
    """Scores of nine digits and two columns of slices, in as many files."""
    random = numpy.random.default_rng(20)
    for number in range(files):
        count = rows // files
        score = random.beta(2, 5, count)
        table = {
            "y": (random.random(count) < score).astype(numpy.int64),
            "p": score,
            "region": pyarrow.array(random.choice(["n", "s", "e", "w"], count)).dictionary_encode(),
            "sex": pyarrow.array(random.choice(["f", "m"], count)).dictionary_encode(),
        }
        pyarrow.parquet.write_table(pyarrow.table(table), directory / f"part-{number:04}.parquet", compression="zstd")


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def timed(command: list[str]) -> tuple[float, bytes]:
    start = time.perf_counter()
    ran = subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - start, ran.stdout


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--modelgate", required=True)
    parser.add_argument("--rows", type=float, default=2e7)
    parser.add_argument("--files", type=int, default=16)
    parser.add_argument("--executors", type=int, default=os.cpu_count())
    parser.add_argument("--times", type=int, default=5)
    given = parser.parse_args()
    binary = os.path.abspath(given.modelgate)
    services: list[subprocess.Popen] = []
    with tempfile.TemporaryDirectory() as directory:
        data = pathlib.Path(directory) / "data"
        data.mkdir()
        write(data, int(given.rows), given.files)
        size = sum(file.stat().st_size for file in data.iterdir())
        try:
            port = free_port()
            start = lambda *rest: services.append(subprocess.Popen([binary, "cluster", *rest], stderr=subprocess.DEVNULL))
            start("scheduler", "--listen", f"127.0.0.1:{port}")
            time.sleep(1)
            url = f"ballista://127.0.0.1:{port}"
            for _ in range(given.executors):
                start("executor", "--scheduler", url, "--data", str(data), "--listen", f"127.0.0.1:{free_port()}", "--tasks", "1")
            time.sleep(1)
            local = [binary, "evaluate", str(data), *ASKED]
            contenders = {
                f"one process, {given.executors} threads": [*local, "--threads", str(given.executors)],
                "one process, one thread": [*local, "--threads", "1"],
                f"{given.executors} executors of one task": [*local, "--engine", url],
            }
            seconds: dict[str, list[float]] = {name: [] for name in contenders}
            printed = set()
            for _ in range(given.times):
                for name, command in contenders.items():
                    taken, output = timed(command)
                    seconds[name].append(taken)
                    printed.add(output)
        finally:
            for service in reversed(services):
                service.terminate()
                service.wait()
    if len(printed) != 1:
        raise SystemExit("the contenders print different bytes")
    first = statistics.median(next(iter(seconds.values())))
    print(f"{int(given.rows):,} rows in {given.files} files, {size / given.rows:.1f} bytes a row; same bytes printed\n")
    print("| | seconds | million rows a second | times the first |\n|---|---|---|---|")
    for name, taken in seconds.items():
        median = statistics.median(taken)
        print(f"| {name} | {median:.2f} | {given.rows / median / 1e6:.1f} | {median / first:.2f} |")


if __name__ == "__main__":
    main()
