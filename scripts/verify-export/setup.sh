#!/usr/bin/env bash
# Makes environments with the programs that exports are verified with, outside this project, and prints how to use them.
# DEIT_VERIFY_DIR chooses the folder.
set -euo pipefail
dir="${DEIT_VERIFY_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/deit-verify-export}"
mkdir -p "$dir/node"
cd "$dir/node"
[ -e package.json ] || echo '{"private":true,"type":"module"}' > package.json
npm install --ignore-scripts --no-audit --no-fund @huggingface/transformers@4 onnxruntime-node@1.30.0 onnxruntime-web@1.30.0 >&2
if [ ! -x "$dir/python/bin/python" ]; then
  python3 -m venv "$dir/python" >&2
  "$dir/python/bin/pip" install -q torch timm transformers onnx pillow safetensors >&2
fi
echo "export DEIT_VERIFY_NODE=$dir/node DEIT_VERIFY_PYTHON=$dir/python/bin/python"
