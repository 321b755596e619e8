#!/usr/bin/env bash
# Compares DeiT on an NVIDIA GPU with timm, torch.compile and AMP on the same card, from a machine that has a driver,
# Python and Node (on the PATH, in $NODE, or a binary named `node` beside this script):
#   bench/gpu.sh [options of bench/gpu.js]        --dry tries the same on this machine's CPU, with small sizes
# Installs what is missing: this package's dependencies, the peers, and XLA's CUDA plugin, which is taken from the Python
# environment if jax's lies there.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
cd "$here/.."
if [ -n "${NODE:-}" ]; then PATH="$(dirname "$NODE"):$PATH"; elif [ -x "$here/node" ]; then PATH="$here:$PATH"; fi
command -v node >/dev/null || { echo "There is no Node: put its binary beside $here/gpu.sh, or name it in NODE." >&2; exit 1; }
[ -d node_modules ] || npm ci
[ -f dist/index.js ] || npm run -s build
python="${DEIT_PEER_PYTHON:-$(bash bench/peer/setup.sh)}"
export DEIT_PEER_PYTHON="$python"

if [[ " $* " != *" --dry "* && -z "${DEIT_PJRT_PLUGIN:-}" ]]; then
  site="$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"
  plugin="$(find "$site/jax_plugins" -name 'xla_cuda_plugin.so' 2>/dev/null | sort | tail -1 || true)"
  if [ -n "$plugin" ]; then
    export DEIT_PJRT_PLUGIN="$plugin"
    for data in "$site/nvidia/cu13" "$site/nvidia/cuda_nvcc"; do
      if [ -d "$data" ]; then export XLA_FLAGS="--xla_gpu_cuda_data_dir=$data ${XLA_FLAGS:-}"; break; fi
    done
  else
    node bin/deit.js engine install cuda13
    export DEIT_PJRT_PLUGIN=cuda13
  fi
fi
exec node bench/gpu.js "$@"
