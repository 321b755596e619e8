#!/usr/bin/env bash
# Compares DeiT on an NVIDIA GPU with timm, torch.compile and AMP on the same card, from a machine that has a driver,
# Python and Node (on the PATH, in $NODE, or a binary named `node` beside this script):
#   bench/gpu.sh [options of bench/gpu.js]        --dry tries the same on this machine's CPU, with small sizes
# One call takes at most 9 minutes; with --json FILE (bench/gpu.json is not part of the repository), the same command measures
# what FILE lacks, and ends with code 75 as long as there is more. Installs what is missing: this package's dependencies (from
# bench/gpu.tar.xz, if bench/gpu-pack.sh has made it), the peers unless python3 has them, and XLA's CUDA plugin, which is taken
# from the Python environment if jax's lies there.
source "$(dirname "${BASH_SOURCE[0]}")/machine.sh"
cd "$bench/.."
if [ -f bench/gpu.tar.xz ] && [ ! -d node_modules ]; then tar -xJf bench/gpu.tar.xz; fi
prepare_package
has_peers='import sys, timm, torch; print(sys.executable)'
python="${DEIT_PEER_PYTHON:-$(python3 -c "$has_peers" 2>/dev/null || bash bench/peer/setup.sh)}"
export DEIT_PEER_PYTHON="$python"
if [[ " $* " != *" --dry "* ]]; then prepare_cuda "$python"; fi
exec node bench/gpu.js "$@"
