#!/usr/bin/env bash
# Puts the path of a modelgate binary into the step's output `binary`.
# With MODELGATE_BINARY that one is used; otherwise the released version is built from crates.io.
set -euo pipefail

if [[ -n "$MODELGATE_BINARY" ]]; then
  if [[ ! -x "$MODELGATE_BINARY" ]]; then
    echo "::error::the input binary is not an executable file" >&2
    exit 2
  fi
  binary=$(realpath -- "$MODELGATE_BINARY")
else
  if [[ ! "$MODELGATE_VERSION" =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]]; then
    echo "::error::the input version is not of the form 1.2.3" >&2
    exit 2
  fi
  # Into the runner's own directory, so that the checkout stays as it is in the commit.
  cargo install modelgate --version "$MODELGATE_VERSION" --locked --root "$RUNNER_TEMP/modelgate"
  binary="$RUNNER_TEMP/modelgate/bin/modelgate"
fi
printf 'binary=%s\n' "$binary" >> "$GITHUB_OUTPUT"
