#!/usr/bin/env bash
# Fine-tuning published weights of DeiT-Ti on CIFAR-10, beside timm the same way:
#   bench/cifar10/fine-tuning.sh CIFAR10 RUNS WEIGHTS [PYTHON]
# IMAGES of each class, EPOCHS, SIZE in pixels, SEEDS, ENGINE. With PYTHON, an interpreter that has timm, timm does the same.
source "$(dirname "$0")/common.sh"
data="$1"; runs="$2"; weights="$3"; python="${4:-}"; epochs="${EPOCHS:-6}"; size="${SIZE:-160}"
part "$data" "${IMAGES:-1000}" "$runs/data"

settings=(finetune="$weights" imageSize="$size" headStart=given epochs="$epochs" batchSize=32 lr=1.4e-4 layerDecay=0.75
  warmupEpochs=1 validateEvery="$epochs")
for seed in $seeds; do
  train "$runs/deit-$seed" "$runs/data" finetune "${settings[@]}" seed="$seed"
  [ -z "$python" ] || [ -f "$runs/timm-$seed.jsonl" ] || {
    "$python" "$here/../peer/finetune.py" "$runs/data" "$weights" "$epochs" "$size" "$seed" > "$runs/timm-$seed.part"
    mv "$runs/timm-$seed.part" "$runs/timm-$seed.jsonl"
  }
done
