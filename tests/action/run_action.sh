#!/usr/bin/env bash
# Runs the steps of action.yml as a GitHub runner would: inputs by the environment, outputs by files.
# Usage: run_action.sh BINARY
set -euo pipefail
binary=$(realpath -- "$1")
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0
failed=0

check() {
  if [[ "$2" == "$3" ]]; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    printf 'FAILED: %s: expected %s, found %s\n' "$1" "$2" "$3"
  fi
}

# A repository of its own with the example in it: in CI a release must be a commit.
repository=$work/repository
mkdir "$repository"
cp -r "$root/fixtures/credit-scoring" "$repository/credit-scoring"
git -C "$repository" init --quiet
git -C "$repository" -c user.name=t -c user.email=t@example.com add .
git -C "$repository" -c user.name=t -c user.email=t@example.com commit --quiet --message release
"$binary" keygen "$work/key.pem"

# The inputs' defaults are read from action.yml, as the runner does.
default_of() {
  awk -v name="  $1:" '$0 == name { found = 1 } found && $1 == "default:" { sub(/^ *default: */, ""); gsub(/"/, ""); print; exit }' "$root/action.yml"
}

run_step() {
  local release=$1 fail_on=$2 key=$3
  : > "$work/output"
  : > "$work/summary"
  (
    cd "$repository"
    export CI=true GITHUB_ACTIONS=true GITHUB_RUN_ID=42 GITHUB_REF_NAME=main RUNNER_TEMP="$work"
    export GITHUB_OUTPUT="$work/output" GITHUB_STEP_SUMMARY="$work/summary" GITHUB_ACTION_PATH="$root"
    MODELGATE_BINARY="$binary" MODELGATE_VERSION="$(default_of version)" "$root/.github/action/install.sh"
    MODELGATE_ACTION_RELEASE="$release" MODELGATE_ACTION_POLICIES="$(default_of policies)" \
      MODELGATE_ACTION_FAIL_ON="$fail_on" MODELGATE_ACTION_SARIF_FILE="$work/out.sarif" \
      MODELGATE_ACTION_JUNIT_FILE="$work/junit.xml" MODELGATE_ACTION_REPORT_FILE="$work/report.json" \
      MODELGATE_ACTION_EVIDENCE_DIR="$work/evidence" MODELGATE_ACTION_STORE="$work/store" \
      MODELGATE_SIGNING_KEY="$key" "$(sed -n 's/^binary=//p' "$work/output")" action
  ) > "$work/stdout" 2> "$work/stderr"
}

output_of() { sed -n "s/^$1=//p" "$work/output"; }

key=$(cat "$work/key.pem")
status=0; run_step credit-scoring/approved "$(default_of fail-on)" "$key" || status=$?
check "approved: exit code" 0 "$status"
check "approved: decision" approve "$(output_of decision)"
check "approved: tier" high "$(output_of tier)"
check "approved: summary is written" yes "$([[ -s $work/summary ]] && echo yes)"
check "approved: the key is not shown" 0 "$(grep -c -- "$(sed -n 2p "$work/key.pem")" "$work/stdout" "$work/stderr" "$work/summary" | awk -F: '{ n += $2 } END { print n }')"
status=0; run_step credit-scoring/conditional deny "$key" || status=$?
check "conditional: exit code" 0 "$status"
check "conditional: decision" conditional "$(output_of decision)"
status=0; run_step credit-scoring/conditional condition "$key" || status=$?
check "conditional, fail on condition: exit code" 1 "$status"
status=0; run_step credit-scoring/denied deny "$key" || status=$?
check "denied: exit code" 1 "$status"
check "denied: exit-code output" 1 "$(output_of exit-code)"
check "denied: decision" deny "$(output_of decision)"
check "denied: SARIF has results" yes "$(grep -q '"results"' "$work/out.sarif" && echo yes)"
status=0; run_step credit-scoring/approved deny "" || status=$?
check "no key: exit code" 4 "$status"
status=0; run_step nowhere deny "$key" || status=$?
check "no manifest: exit code" 2 "$status"
check "no manifest: annotation" yes "$(grep -q '^::error title=' "$work/stdout" && echo yes)"

printf '%d passed, %d failed\n' "$passed" "$failed"
[[ $failed -eq 0 ]]
