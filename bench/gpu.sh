#!/usr/bin/env bash
# Compares DeiT on an NVIDIA GPU with timm, torch.compile and AMP on the same card, from a machine that has a driver,
# Python and Node (on the PATH, in $NODE, or a binary named `node` beside this script):
#   bench/gpu.sh [options of bench/gpu.js]        --dry tries the same on this machine's CPU, with small sizes
# Installs what is missing: this package's dependencies, the peers, and XLA's CUDA plugin, which is taken from the Python
# environment if jax's lies there.
source "$(dirname "${BASH_SOURCE[0]}")/machine.sh"
cd "$bench/.."
prepare_package
python="${DEIT_PEER_PYTHON:-$(bash bench/peer/setup.sh)}"
export DEIT_PEER_PYTHON="$python"
if [[ " $* " != *" --dry "* ]]; then prepare_cuda "$python"; fi
exec node bench/gpu.js "$@"
