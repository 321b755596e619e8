#!/usr/bin/env bash
# The study of distillation on CIFAR-10 at full length on one NVIDIA GPU: a convolutional teacher and students without one,
# with soft and hard distillation and with the distillation token, 300 epochs of all images, 3 seeds each.
#   bench/gpu-study.sh CIFAR10 RUNS        one part of at most 10 minutes; the same command continues in RUNS
#   until bench/gpu-study.sh CIFAR10 RUNS; do [ $? = 75 ] || break; done        all parts, one after the other
# CIFAR10 is a folder with train/ and test/, and is downloaded if it is missing; for a GPU that is elsewhere, take RUNS along.
# Exit code 0: the study is done, and its table is printed; 75: there is more to do; any other: a part failed.
# EPOCHS, TEACHER_EPOCHS, IMAGES of each class (default: all), SEEDS, PRECISION; LIMIT, seconds of a part before it is saved;
# ENGINE=xla DEVICE=cpu tries the same on this machine's CPU. PYTHON, an interpreter whose environment has jax's CUDA plugin.
source "$(dirname "$0")/machine.sh"
[ $# = 2 ] || { sed -n '2,/^source/{/^#/p}' "$0" >&2; exit 2; }
data="$1"; runs="$2"; limit="${LIMIT:-540}"
started="$SECONDS"
prepare_package
if [ "${DEVICE:-gpu}" = gpu ] && [ "${ENGINE:-xla}" = xla ]; then prepare_cuda "${PYTHON:-}"; fi
mkdir -p "$runs"
[ -e "$data" ] || node "$bench/../bin/deit.js" data fetch cifar10 --output "$data"

export EPOCHS="${EPOCHS:-300}" ENGINE="${ENGINE:-xla}" IMAGES="${IMAGES:-all}" SEEDS="${SEEDS:-0 1 2}"
export TEACHER_EPOCHS="${TEACHER_EPOCHS:-$EPOCHS}"
left=$((limit - SECONDS + started))
[ "$left" -gt 0 ] || { echo "Preparing took all of this part's $limit seconds; run the same command again."; exit 75; }
code=0
# An interrupted run saves its state, for which there is a minute.
timeout --signal=INT --kill-after=55 "$left" bash "$bench/cifar10/distillation.sh" "$data" "$runs" || code=$?
node "$bench/cifar10/table.js" "$runs"
case "$code" in
  0) echo "The study is done." ;;
  124 | 130 | 137) echo "This part is over; run the same command again to continue."; exit 75 ;;
  *) echo "A part failed (exit code $code); what is done is kept." >&2; exit "$code" ;;
esac
