#!/usr/bin/env bash
# The comparison of the paper's Table 3 on CIFAR-10, scaled to two CPU cores (about half an hour):
#   bench/cifar10-distillation.sh CIFAR10-FOLDER RUNS-FOLDER
# CIFAR10-FOLDER holds train/ and test/ with a folder per class. What has ended is skipped, so the same command continues.
set -euo pipefail
data="$1"; runs="$2"; images="${IMAGES:-1000}"; epochs="${EPOCHS:-4}"; seeds="${SEEDS:-0 1 2}"
deit() { node "$(dirname "$0")/../bin/deit.js" "$@"; }

# The first images of every class, as links.
part="$runs/cifar10"
for class in "$data"/train/*/; do
  target="$part/train/$(basename "$class")"; mkdir -p "$target"
  find "$(realpath "$class")" -type f | sort | sed -n "1,${images}p" | xargs -d '\n' ln -sft "$target"
done
ln -sfn "$(realpath "$data")/test" "$part/test"

finished() { [ -f "$1/log.jsonl" ] && [ "$(grep -c '"kind":"epoch"' "$1/log.jsonl")" -ge "$2" ]; }
train() { # FOLDER EPOCHS SETTINGS...
  local folder="$1" n="$2"; shift 2
  finished "$folder" "$n" || deit train "$part" --engine xla --output "$folder" $([ -f "$folder/recipe.json" ] && echo --resume) --set epochs="$n" "$@"
}

common=(batchSize=64 scaleLr=false warmupEpochs=0.5 autoAugment=none repeatedAugmentation=1 eraseProbability=0 crop=padded labelSmoothing=0.1)
train "$runs/teacher" "${TEACHER_EPOCHS:-8}" "${common[@]}" model=regnety lr=2e-3 weightDecay=0.05 mixup=0 cutmix=0

student=(model=deit imageSize=32 patchSize=8 width=96 depth=4 heads=3 dropPath=0 lr=1e-3 betas=[0.9,0.95] mixup=0 cutmix=1 mixProbability=0.5)
soft=(distillation=soft distillationTau=3 distillationAlpha=0.1)
for seed in $seeds; do
  of=("${common[@]}" "${student[@]}" seed="$seed")
  answers="$runs/answers-$seed"
  deit teach "$part" --output "$answers" --engine xla --set epochs="$epochs" "${of[@]}" "${soft[@]}" distilled=true teacherWeights="$runs/teacher"
  train "$runs/none-$seed" "$epochs" "${of[@]}"
  train "$runs/soft-class-$seed" "$epochs" "${of[@]}" "${soft[@]}" teacherCache="$answers"
  train "$runs/hard-class-$seed" "$epochs" "${of[@]}" distillation=hard teacherCache="$answers"
  train "$runs/hard-token-$seed" "$epochs" "${of[@]}" distillation=hard distilled=true teacherCache="$answers"
  for head in class distillation both; do
    deit evaluate --weights "$runs/hard-token-$seed" --data "$part" --head "$head" --engine xla --json > "$runs/hard-token-$seed/$head.json"
  done
done
