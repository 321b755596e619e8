#!/usr/bin/env bash
# Fine-tuning published weights of DeiT-Ti on CIFAR-10, beside timm the same way:
#   bench/cifar10/fine-tuning.sh CIFAR10 RUNS WEIGHTS [PYTHON]
# IMAGES of each class, EPOCHS, SIZE in pixels, SEEDS, ENGINE. With PYTHON, an interpreter that has timm, timm does the same.
# With FIRST_EPOCHS the body first learns that long at FIRST_SIZE pixels, where an image costs a third; timm is not asked then.
source "$(dirname "$0")/common.sh"
data="$1"; runs="$2"; weights="$3"; python="${4:-}"; epochs="${EPOCHS:-6}"; size="${SIZE:-160}"; first="${FIRST_EPOCHS:-}"
part "$data" "${IMAGES:-1000}" "$runs/data"

settings=(batchSize=32 layerDecay=0.85 cropScale=[0.6,1] colorJitter=0 dropPath=0)
for seed in $seeds; do
  tune() { train "$1" "$runs/data" finetune "${settings[@]}" seed="$seed" "${@:2}"; }
  if [ -n "$first" ]; then
    tune "$runs/first-$seed" finetune="$weights" imageSize="${FIRST_SIZE:-96}" lr=3e-4 headLrFactor=3 epochs="$first" \
      warmupEpochs=1 validateEvery="$first"
    tune "$runs/second-$seed" finetune="$runs/first-$seed" headStart=given imageSize="$size" lr=2e-4 epochs="$epochs" \
      warmupEpochs=0.5 validateEvery="$epochs"
    continue
  fi
  tune "$runs/deit-$seed" finetune="$weights" headStart=given imageSize="$size" lr=3e-4 epochs="$epochs" warmupEpochs=1 \
    validateEvery="$epochs"
  [ -z "$python" ] || [ -f "$runs/timm-$seed.jsonl" ] || {
    "$python" "$here/../peer/finetune.py" "$runs/data" "$weights" "$epochs" "$size" "$seed" > "$runs/timm-$seed.part"
    mv "$runs/timm-$seed.part" "$runs/timm-$seed.jsonl"
  }
done
