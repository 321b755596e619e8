#!/usr/bin/env bash
# Fine-tuning published weights of DeiT-Ti on 50 images of each class of CIFAR-10, by what is trained: a fitted head alone, the
# last four blocks on stored features, everything:
#   bench/cifar10/few-images.sh CIFAR10 RUNS WEIGHTS
# IMAGES of each class (other images for each seed), SIZE in pixels, SEEDS, ENGINE. The time of each is in RUNS/seconds.tsv.
source "$(dirname "$0")/common.sh"
data="$1"; runs="$2"; weights="$3"; images="${IMAGES:-50}"; size="${SIZE:-160}"

for seed in $seeds; do
  own="$runs/data-$seed"
  part "$data" "$images" "$own" $((seed * images))
  tune() {
    local name="$1-$seed" began=$SECONDS; shift
    finished "$runs/$name" && return
    train "$runs/$name" "$own" "$@" finetune="$weights" imageSize="$size" seed="$seed"
    printf '%s\t%s\n' "$name" $((SECONDS - began)) >> "$runs/seconds.tsv"
  }
  tune head head-only
  tune last finetune trainedParts=last-4-blocks frozenViews=8 validateEvery=13
  tune all finetune validateEvery=13
done
