#!/usr/bin/env bash
# Packs what bench/gpu.sh needs on a machine without a network, besides the files of the repository: Node, this package as
# it is built, its dependencies for Linux, and record files to read images from.
#   bench/gpu-pack.sh [DATA]        DATA: images that any command takes; without it, the input pipeline is not measured
# Writes bench/gpu.tar.xz, about 45 MB; bench/gpu.sh unpacks it there. The plugin and the peers come from that machine.
source "$(dirname "${BASH_SOURCE[0]}")/machine.sh"
cd "$bench/.."
prepare_package
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
mkdir -p "$folder/bench"
node="$(readlink -f "$(command -v node)")"
strip -o "$folder/bench/node" "$node" 2>/dev/null || cp "$node" "$folder/bench/node"
if [ -n "${1:-}" ]; then node bin/deit.js data pack "$1" "$folder/bench/gpu.records"; fi
{
  echo dist
  # ONNX Runtime stays behind, which only the other engine and exports need.
  npm ls --omit=dev --omit=peer --all --parseable 2>/dev/null | sed "1d; s|^$PWD/||" | grep '^node_modules/' | grep -v onnxruntime || true
  find node_modules/@koromix node_modules/@img -maxdepth 1 -name '*linux*' 2>/dev/null
} | sort -u >"$folder/list"
tar -c --exclude='*.map' --exclude='*.d.ts' --exclude='*.d.mts' --exclude='*.d.cts' --exclude='*.md' --exclude='dist/playground' \
  --exclude='.tsbuildinfo' --exclude='*musl*' --exclude='prebuilds/*darwin*' --exclude='prebuilds/*win32*' \
  --exclude="prebuilds/*$([ "$(uname -m)" = x86_64 ] && echo arm || echo x64)*" \
  -f "$folder/package.tar" --verbatim-files-from -T "$folder/list"
tar -r -f "$folder/package.tar" -C "$folder" bench
xz -T0 -c "$folder/package.tar" >bench/gpu.tar.xz
ls -l bench/gpu.tar.xz
