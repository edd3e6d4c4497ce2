"""Makes a copy of a release with markup, scripts, template syntax and hidden characters in what the team writes.

    python3 hostile.py RELEASE DIRECTORY
"""

import shutil
import sys
from pathlib import Path

SCRIPT = "<script>document.title=1</script><img src=x onerror=alert(1)>"
TEXT = f'{SCRIPT} {{{{ 7*7 }}}} {{% include "x" %}} </style></title> `<b>` \u2066txet'


def replace(path, before, after):
    text = path.read_text(encoding="utf-8")
    if before not in text:
        sys.exit(f"`{before}` is not in {path}")
    path.write_text(text.replace(before, after), encoding="utf-8")


def main(release, directory):
    root = Path(directory)
    shutil.copytree(release, root)
    manifest = root / "modelgate.yaml"
    replace(manifest, "owner: credit-models@example.com", f"owner: '{SCRIPT}'")
    replace(manifest, "name: training half", "name: '<b>{{ 7*7 }}</b>'")
    # A character that cannot be seen has no place in a manifest: it is refused there, and comes by way of the card.
    replace(manifest, "    Estimates the probability", f"    {TEXT[:-5]} Estimates the probability")
    replace(root / "MODEL_CARD.md", "## Intended use\n", f"## Intended use\n\n{TEXT}\n")
    replace(root / "monitoring/alerts.yml", "team: credit-models", "team: '<b onmouseover=alert(1)>'")
    for record in (root / "records").glob("*.yaml"):
        author = next(line for line in record.read_text(encoding="utf-8").splitlines() if line.startswith("author: "))
        replace(record, author, f"author: '{SCRIPT}'")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
