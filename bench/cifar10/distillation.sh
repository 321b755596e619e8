#!/usr/bin/env bash
# The comparison of the paper's Table 3 on CIFAR-10, scaled to two CPU cores:
#   bench/cifar10/distillation.sh CIFAR10 RUNS
# IMAGES of each class for the students, TEACHER_IMAGES for the teacher, or `all`; EPOCHS and TEACHER_EPOCHS; SEEDS; ENGINE.
# FAST_TEACHER=1 halves the resolution in the teacher's stem, for 50,000 images on a CPU.
source "$(dirname "$0")/common.sh"
data="$1"; runs="$2"; epochs="${EPOCHS:-30}"
part "$data" "${IMAGES:-1000}" "$runs/data"
part "$data" "${TEACHER_IMAGES:-${IMAGES:-1000}}" "$runs/teacher-data"

train "$runs/teacher" "$runs/teacher-data" "$here/teacher.json" epochs="${TEACHER_EPOCHS:-8}" \
  ${FAST_TEACHER:+'regnet={"stemStride":2,"groupWidth":256}'}
soft=(distillation=soft distillationTau=3 distillationAlpha=0.1)
for seed in $seeds; do
  of=(seed="$seed" epochs="$epochs")
  answers="$runs/answers-$seed"
  [ -f "$answers/epoch-$(printf %04d $((epochs - 1))).safetensors" ] ||
    deit teach "$here/student.json" "$runs/data" --output "$answers" --engine "$engine" \
      --set "${of[@]}" "${soft[@]}" distilled=true teacherWeights="$runs/teacher"
  student() { train "$runs/$1-$seed" "$runs/data" "$here/student.json" "${of[@]}" "${@:2}"; }
  student none
  student soft-class "${soft[@]}" teacherCache="$answers"
  student hard-class distillation=hard teacherCache="$answers"
  student hard-token distillation=hard distilled=true teacherCache="$answers"
  for head in class distillation both; do
    result="$runs/hard-token-$seed/$head.json"
    [ -s "$result" ] && continue
    deit evaluate --weights "$runs/hard-token-$seed" --data "$runs/data" --head "$head" --engine "$engine" --json \
      > "$result.part"
    mv "$result.part" "$result"
  done
done
