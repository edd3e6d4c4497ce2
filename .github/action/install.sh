#!/usr/bin/env bash
# Puts the path of a modelgate binary into the step's output `binary`.
# With MODELGATE_BINARY that one is used. Otherwise the archive of a release is fetched, and refused unless its SHA-256 is
# the one that the release lists and GitHub holds an attestation that the release workflow built it from the version's tag.
set -euo pipefail

# fail MESSAGE: nothing was decided, so that it is exit code 2 as in the program itself.
fail() {
  printf '::error title=modelgate::%s\n' "$1"
  printf 'exit-code=2\n' >> "$GITHUB_OUTPUT"
  exit 2
}

# boolean NAME VALUE: what is neither is not taken for `false`.
boolean() {
  [[ "$2" == true || "$2" == false ]] || fail "the input $1 has to be true or false"
}

boolean ephemeral-key "${MODELGATE_EPHEMERAL_KEY:-false}"
boolean commit-status "${MODELGATE_ACTION_COMMIT_STATUS:-false}"
boolean check-run "${MODELGATE_ACTION_CHECK_RUN:-false}"

if [[ -n "${MODELGATE_BINARY:-}" ]]; then
  [[ -f "$MODELGATE_BINARY" && -x "$MODELGATE_BINARY" ]] || fail "the input binary is not an executable file"
  printf 'binary=%s\n' "$(realpath -- "$MODELGATE_BINARY")" >> "$GITHUB_OUTPUT"
  exit 0
fi

version=${MODELGATE_VERSION#v}
[[ "$version" =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] || fail "the input version is not of the form 1.2.3"
repository=${MODELGATE_REPOSITORY:-}
[[ "$repository" =~ ^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$ ]] || fail "the input repository is not of the form owner/name"

case "${RUNNER_OS:-} ${RUNNER_ARCH:-}" in
  "Linux X64") target=x86_64-unknown-linux-gnu ;;
  "Linux ARM64") target=aarch64-unknown-linux-gnu ;;
  "macOS ARM64") target=aarch64-apple-darwin ;;
  *) fail "there is no release for ${RUNNER_OS:-this system} on ${RUNNER_ARCH:-this processor}: build it, and give its path as the input binary" ;;
esac
command -v gh > /dev/null || fail "gh is needed to verify the release: install it, or give a verified binary as the input binary"

name=modelgate-$version-$target
# Into the runner's own directory, so that the checkout stays as it is in the commit.
directory=$(mktemp -d "$RUNNER_TEMP/modelgate-XXXXXX")
for file in "$name.tar.gz" SHA256SUMS; do
  curl --proto '=https' --tlsv1.2 --fail --silent --show-error --location --retry 3 --max-time 300 \
    --output "$directory/$file" "https://github.com/$repository/releases/download/v$version/$file" ||
    fail "$file of release v$version cannot be fetched from $repository"
done

sum=$(awk -v file="$name.tar.gz" '$2 == file || $2 == "*" file { print $1; found++ } END { exit found != 1 }' \
  "$directory/SHA256SUMS") || fail "SHA256SUMS of release v$version does not list $name.tar.gz once"
if command -v sha256sum > /dev/null; then
  actual=$(sha256sum "$directory/$name.tar.gz")
else
  actual=$(shasum -a 256 "$directory/$name.tar.gz")
fi
[[ "${actual%% *}" == "$sum" ]] || fail "the SHA-256 of $name.tar.gz is not the one that the release lists"

# The list comes from where the archive does, so that it proves little: the attestation says who built it, and from what.
GH_TOKEN=${MODELGATE_TOKEN:-} gh attestation verify "$directory/$name.tar.gz" --repo "$repository" \
  --signer-workflow "$repository/.github/workflows/release.yml" --source-ref "refs/tags/v$version" \
  --deny-self-hosted-runners > "$directory/attestation.txt" ||
  fail "no attestation says that $repository built $name.tar.gz from the tag v$version"

tar -xzf "$directory/$name.tar.gz" -C "$directory" "$name/modelgate"
printf 'binary=%s\n' "$directory/$name/modelgate" >> "$GITHUB_OUTPUT"
