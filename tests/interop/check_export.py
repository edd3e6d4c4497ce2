#!/usr/bin/env python3
"""Runs the commands of an export's README, as whoever has neither modelgate nor its source would.

    check_export.py EXPORT

EXPORT is a directory that `modelgate evidence export` wrote. The commands with openssl and coreutils are run
together, and then those with cosign, which comes from where verify_bundles.py has it from. Then the signed
statement is changed, and both must fail.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from verify_bundles import Cosign, Report, run

COMMAND_SECONDS = 120


def blocks(readme):
    """The shell blocks of a page, in its order."""
    return [part.removeprefix("sh\n") for part in readme.split("```") if part.startswith("sh\n")]


def shell(script, directory, path):
    return run(
        ["bash", "-euo", "pipefail", "-c", script], COMMAND_SECONDS, cwd=directory,
        env={"PATH": path, "HOME": tempfile.mkdtemp(prefix="modelgate-interop-home-")},
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("export", type=Path)
    default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "modelgate-interop"
    parser.add_argument("--cache", type=Path, default=default, help="directory for cosign [default: %(default)s]")
    arguments = parser.parse_args()

    report = Report()
    found = blocks((arguments.export / "README.md").read_text())
    scripts = {
        "openssl": "\n".join(block for block in found if "cosign" not in block and "modelgate " not in block),
        "cosign": "\n".join(block for block in found if "cosign" in block),
    }
    path = os.environ["PATH"]
    try:
        cosign = Cosign(arguments.cache.resolve())
        path = f"{cosign.program.parent}:{path}"
        print(f"with  {cosign.name}")
    except (RuntimeError, OSError, subprocess.TimeoutExpired) as error:
        print(f"without cosign: {error}")
        del scripts["cosign"]

    record = json.loads(next(arguments.export.glob("*.decision.json")).read_text())
    with tempfile.TemporaryDirectory(prefix="modelgate-interop-") as scratch:
        copy = Path(scratch) / "export"
        shutil.copytree(arguments.export, copy)
        for name, script in scripts.items():
            done = shell(script, copy, path)
            report.check(f"the commands with {name} succeed", done.returncode == 0, done.stdout)
            report.check(f"{name} says so", "Verified OK" in done.stdout, done.stdout)
            if name == "openssl":
                expected = "FAILED" if record["decision"] == "deny" else "PASSED"
                report.check("the verdict is the record's", f'"verificationResult":"{expected}"' in done.stdout)
                for what in ("policy", "facts"):
                    report.check(f"the digest of {what} is the record's", record[what]["sha256"] in done.stdout)
        for file in [*copy.glob("*.verdict.intoto.json"), *copy.glob("*.verdict.sigstore.json")]:
            text = file.read_text()
            at = text.index('"payload":"') + 40
            file.write_text(text[:at] + ("B" if text[at] == "A" else "A") + text[at + 1:])
        for name, script in scripts.items():
            report.check(f"the commands with {name} refuse a change", shell(script, copy, path).returncode != 0)
    print(f"{report.passed} passed, {report.failed} failed")
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
