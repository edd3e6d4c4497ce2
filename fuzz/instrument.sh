#!/usr/bin/env bash
# Compiles this workspace with libFuzzer's instrumentation (RUSTC_WORKSPACE_WRAPPER): the flags that cargo-fuzz passes with
# `--sanitizer none`. They are all of a stable compiler. The dependencies are the ones that the program was built with.
exec "$@" -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
  -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
  -Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing -Cdebug-assertions
