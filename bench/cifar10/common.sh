# What the studies on CIFAR-10 share; to be sourced. CIFAR10 holds train/ and test/ with a folder of images per class.
# What has ended is skipped, so that the same command continues a study that was interrupted.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
engine="${ENGINE:-xla}"
seeds="${SEEDS:-0 1 2}"

deit() { node "$here/../../bin/deit.js" "$@"; }

# N images of every class, from number 1 on or after those that are skipped, as links, or `all`: part CIFAR10 N TARGET [SKIPPED]
part() {
  if [ "$2" = all ]; then mkdir -p "$(dirname "$3")"; ln -sfn "$(realpath "$1")" "$3"; return; fi
  local class target first=$((${4:-0} + 1))
  for class in "$1"/train/*/; do
    target="$3/train/$(basename "$class")"; mkdir -p "$target"
    find "$(realpath "$class")" -type f | sort | sed -n "$first,$((first + $2 - 1))p" | xargs -d '\n' ln -sft "$target"
  done
  ln -sfn "$(realpath "$1")/test" "$3/test"
}

finished() { [ -f "$1/log.jsonl" ] && grep -q '"kind":"finished"' "$1/log.jsonl"; }

# train FOLDER DATA RECIPE SETTINGS...
train() {
  local folder="$1" data="$2" recipe="$3"; shift 3
  finished "$folder" && return
  deit train "$recipe" "$data" --engine "$engine" --output "$folder" \
    ${PRECISION:+--precision "$PRECISION"} $([ -f "$folder/recipe.json" ] && echo --resume) ${1:+--set "$@"}
}
