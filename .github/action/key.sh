#!/usr/bin/env bash
# Puts the path of a signing key into the step's output `file`: one that is made for this run, and that nobody else knows.
set -euo pipefail

directory=$(mktemp -d "$RUNNER_TEMP/modelgate-key-XXXXXX")
"$MODELGATE_ACTION_BINARY" keygen "$directory/key.pem" > /dev/null
printf 'file=%s\n' "$directory/key.pem" >> "$GITHUB_OUTPUT"
