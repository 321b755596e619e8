#!/usr/bin/env bash
# What 10,000 images of CIFAR-10 give a small DeiT from scratch, by how it starts and what it imitates:
#   bench/cifar10/from-scratch.sh CIFAR10 RUNS DEIT-TINY-WEIGHTS
# The same student, images and epochs as in distillation.sh; the teacher of features has seen the same 10,000 images.
source "$(dirname "$0")/common.sh"
data="$1"; runs="$2"; weights="$3"
part "$data" 1000 "$runs/data"

mimetic='init={"by":"mimetic"}'
selection="init={\"by\":\"selection\",\"from\":\"$weights\"}"
features=(features='{"teacher":"s3","weight":1}' teacherWeights="$runs/teacher")
train "$runs/teacher" "$runs/data" "$here/teacher.json" epochs="${TEACHER_EPOCHS:-30}"
for seed in $seeds; do
  student() { train "$runs/$1-$seed" "$runs/data" "$here/student.json" seed="$seed" "${@:2}"; }
  student plain
  student mimetic "$mimetic"
  student selection "$selection"
  student features "${features[@]}"
  student all "$selection" "${features[@]}" distillation=hard distilled=true
done
