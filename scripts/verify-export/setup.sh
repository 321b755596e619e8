#!/usr/bin/env bash
# Makes environments with the programs that exports are verified with, outside this project, and prints how to use them:
# a folder of npm packages, a Python environment with transformers 5, timm, OpenVINO and ONNX, and one with transformers 4,
# which takes PyTorch from the first. DEIT_VERIFY_DIR chooses the folder. What is there already is kept.
set -euo pipefail
dir="${DEIT_VERIFY_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/deit-verify-export}"
mkdir -p "$dir/node"
if [ ! -e "$dir/node/complete" ]; then
  echo '{"private":true,"type":"module"}' > "$dir/node/package.json"
  # No package of these needs its install script here: onnxruntime-node's fetches libraries for CUDA.
  (cd "$dir/node" && npm install --ignore-scripts --no-audit --no-fund \
    @huggingface/transformers@4.3.2 onnxruntime-node@1.30.0 onnxruntime-web@1.30.0 playwright-core@1) >&2
  touch "$dir/node/complete"
fi

five="$dir/python" four="$dir/python-transformers4"
if [ ! -e "$five/complete" ]; then
  python3 -m venv "$five" >&2
  "$five/bin/pip" install -q torch torchvision "timm>=1.0.16" "transformers>=5,<6" onnx openvino pillow safetensors >&2
  touch "$five/complete"
fi
if [ ! -e "$four/complete" ]; then
  python3 -m venv "$four" >&2
  packages() { "$1/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))'; }
  packages "$five" > "$(packages "$four")/torch-of-the-other.pth"
  "$four/bin/pip" install -q "transformers>=4.40,<5" >&2
  touch "$four/complete"
fi
echo "export DEIT_VERIFY_DIR=$dir"
