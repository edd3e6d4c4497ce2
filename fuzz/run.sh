#!/usr/bin/env bash
# Builds the fuzz targets, makes their seeds, and runs them one after the other.
#
#   run.sh [RUNS [TARGET…]]     RUNS of each target (4000), of all of them where none is named
#   run.sh list                 their names
#
# MODELGATE_FUZZ_SECONDS bounds one target's time (480), MODELGATE_FUZZ_LENGTH the length of inputs (4096 bytes).
# Code without `unsafe` has nothing that a sanitizer would find, so that there is none, and no nightly compiler.
set -euo pipefail
cd "$(dirname "$0")"

export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/modelgate/target}
CARGO_INCREMENTAL=0 RUSTC_WORKSPACE_WRAPPER=$PWD/instrument.sh cargo build --quiet --release
program=$CARGO_TARGET_DIR/release/any_format

if [[ ${1:-} == list ]]; then
  exec env MODELGATE_FUZZ_TARGET=list "$program"
fi
runs=${1:-4000}
if [[ $# -gt 1 ]]; then
  targets=("${@:2}")
else
  mapfile -t targets < <(MODELGATE_FUZZ_TARGET=list "$program")
fi
python3 seeds.py seeds

failed=0
for target in "${targets[@]}"; do
  mkdir -p "corpus/$target" "seeds/$target" artifacts
  started=$SECONDS
  # What a run takes beyond the baseline is counted by the program itself; the whole of it stays below 512 MiB.
  status=0
  MODELGATE_FUZZ_TARGET=$target "$program" "corpus/$target" "seeds/$target" \
    -runs="$runs" -max_total_time="${MODELGATE_FUZZ_SECONDS:-480}" -max_len="${MODELGATE_FUZZ_LENGTH:-4096}" \
    -timeout=10 -rss_limit_mb=512 -artifact_prefix="artifacts/$target-" > "artifacts/$target.log" 2>&1 || status=$?
  done_runs=$(sed -n 's/^Done \([0-9]*\) runs.*/\1/p' "artifacts/$target.log")
  printf '%-36s %8s runs %5d s  %s\n' "$target" "${done_runs:-?}" $((SECONDS - started)) \
    "$([[ $status -eq 0 ]] && echo ok || echo "FAILED: see fuzz/artifacts/$target.log")"
  [[ $status -eq 0 ]] || failed=$((failed + 1))
done
[[ $failed -eq 0 ]]
