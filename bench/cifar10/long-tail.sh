#!/usr/bin/env bash
# A long-tailed CIFAR-10, where the classes shrink from 5,000 images to 50, without and with deferred re-weighting on the
# distillation token (DeiT-LT, arXiv 2404.02900):
#   bench/cifar10/long-tail.sh CIFAR10 RUNS
# EPOCHS and TEACHER_EPOCHS; SEEDS; ENGINE; IMBALANCE, the ratio of the largest to the smallest class.
source "$(dirname "$0")/common.sh"
data="$1"; runs="$2"; epochs="${EPOCHS:-30}"
[ -d "$runs/data" ] || node "$here/../long-tail.js" "$data" "$runs/data" "${IMBALANCE:-100}"

late=(classWeightsFrom=0.7)
train "$runs/teacher" "$runs/data" "$here/teacher.json" epochs="${TEACHER_EPOCHS:-24}" \
  'regnet={"stemStride":2,"groupWidth":256}' classWeights=effective "${late[@]}"
for seed in $seeds; do
  of=(seed="$seed" epochs="$epochs")
  student() { train "$runs/$1-$seed" "$runs/data" "$here/student.json" "${of[@]}" "${@:2}"; }
  student plain
  student weighted classWeights=effective "${late[@]}"
  student token distillation=hard distilled=true teacherWeights="$runs/teacher"
  student token-weighted distillation=hard distilled=true teacherWeights="$runs/teacher" \
    distillationClassWeights=effective "${late[@]}"
done
