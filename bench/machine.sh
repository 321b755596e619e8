# Prepares a bare machine with an NVIDIA driver, Node and perhaps Python; to be sourced. Node is on the PATH, in $NODE, or a
# binary named `node` beside this file. Installs what is missing: this package's dependencies and XLA's CUDA plugin.
set -euo pipefail
bench="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"

prepare_package() {
  if [ -n "${NODE:-}" ]; then PATH="$(dirname "$NODE"):$PATH"; elif [ -x "$bench/node" ]; then PATH="$bench:$PATH"; fi
  command -v node >/dev/null || { echo "There is no Node: put its binary beside $bench/machine.sh, or name it in NODE." >&2; exit 1; }
  [ -d "$bench/../node_modules" ] || (cd "$bench/.." && npm ci)
  [ -f "$bench/../dist/index.js" ] || (cd "$bench/.." && npm run -s build)
}

# prepare_cuda [PYTHON]: XLA's CUDA plugin, from the environment of this Python if jax's lies there.
prepare_cuda() {
  [ -z "${DEIT_PJRT_PLUGIN:-}" ] || return 0
  local site plugin="" data
  if [ -n "${1:-}" ]; then
    site="$("$1" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"
    plugin="$(find "$site/jax_plugins" -name 'xla_cuda_plugin.so' 2>/dev/null | sort | tail -1 || true)"
  fi
  if [ -n "$plugin" ]; then
    export DEIT_PJRT_PLUGIN="$plugin"
    for data in "$site"/nvidia/*/lib; do
      if [ -d "$data" ]; then export LD_LIBRARY_PATH="$data${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"; fi
    done
    for data in "$site/nvidia/cu13" "$site/nvidia/cuda_nvcc"; do
      if [ -d "$data" ]; then export XLA_FLAGS="--xla_gpu_cuda_data_dir=$data ${XLA_FLAGS:-}"; break; fi
    done
  else
    node "$bench/../bin/deit.js" engine install cuda13
    export DEIT_PJRT_PLUGIN=cuda13
  fi
}
