#!/usr/bin/env bash
# Makes a Python environment with the peers that the benchmarks measure against, outside this project.
# Prints the path of its interpreter. DEIT_PEER_DIR chooses the folder.
set -euo pipefail
dir="${DEIT_PEER_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/deit-bench-peer}"
if [ ! -x "$dir/bin/python" ]; then
  python3 -m venv "$dir" >&2
  "$dir/bin/pip" install -q torch==2.15.0 torchvision timm==1.0.31 pillow safetensors numpy \
    fastapi uvicorn >&2
fi
echo "$dir/bin/python"
