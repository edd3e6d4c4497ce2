#!/usr/bin/env bash
# Stand-ins for CUDA, so that the PyTorch of PyPI runs on a CPU without it.
#
#     cuda_stubs.sh DIRECTORY-OF-TORCH OUT
#
# The wheel of PyPI is linked to libraries of two gigabytes that nothing calls where there is no GPU: they only have
# to be there, with every name that is asked of them. LD_LIBRARY_PATH=OUT is then enough.
set -euo pipefail
libraries=("$1"/lib/*.so)
out=$2
mkdir -p "$out"

nm --dynamic --undefined-only "${libraries[@]}" | awk '{print $2}' | sed 's/@.*//' | sort -u \
  | grep -E '^(__cuda|cu[A-Z]|cuda|cublas|cudnn|cufft|cufile|cupti|cusolver|cusparse|nccl|nvrtc|nvshmem)' \
  | awk '{print "int " $1 "(void) { return 0; }"}' > "$out/stubs.c"

# Each version that is asked of a library, as `library version`.
readelf --version-info "${libraries[@]}" | awk '
  { for (i = 1; i < NF; i++) { if ($i == "File:") file = $(i + 1); if ($i == "Name:") print file, $(i + 1) } }' | sort -u > "$out/versions"

for library in $(readelf --dynamic "${libraries[@]}" | grep -oE 'lib(cu|nv|nccl)[A-Za-z_]*\.so\.[0-9]+' | sort -u); do
  version=$(awk -v library="$library" '$1 == library { print $2 }' "$out/versions")
  echo "${version:-$library} { global: *; };" > "$out/version-script"
  cc -shared -fPIC -fno-builtin -w -Wl,-soname,"$library" -Wl,--version-script="$out/version-script" -o "$out/$library" "$out/stubs.c"
done
