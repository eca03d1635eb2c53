#!/usr/bin/env bash
# How many instructions do one push and one pop of the native heap execute? Counted by callgrind, so the
# answer is the same on a busy machine and on an idle one. The prefilling is counted apart and taken off.
#   profiling/instructions.sh [--quick] [DEPTH ...]      PYTHON=… chooses the interpreter
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-python3}
operations=20000
depths=()
for argument in "$@"; do
  if [ "$argument" = --quick ]; then operations=200; else depths+=("$argument"); fi
done
[ ${#depths[@]} -gt 0 ] || depths=(100 10000)
[ $operations != 200 ] || depths=(100)

if ! command -v valgrind > /dev/null; then
  echo "valgrind is not installed; callgrind, which counts the instructions, is a part of it" >&2
  exit 2
fi
cd "$here" # a script from standard input looks for modules here first, and must not find the source tree
"$python" - << 'PY' || exit 2
from lifeevt.bench import environment, measure
measure.refuse_traced()
if "native" not in environment.twins():
    raise SystemExit("the native twin is not here; its instructions cannot be counted")
print(environment.headline(environment.describe()))
PY

kept=$(mktemp -d)
trap 'rm -rf "$kept"' EXIT

# counted DEPTH OPERATIONS: instructions inside heap_offer and inside heap_pop while the heap works at DEPTH
counted() {
  valgrind --tool=callgrind --toggle-collect='__pyx_f_7lifeevt_5_heap_heap_offer' \
    --toggle-collect='__pyx_f_7lifeevt_5_heap_heap_pop' --callgrind-out-file="$kept/out" \
    "$python" - "$1" "$2" > "$kept/said" 2>&1 << 'PY' || { cat "$kept/said" >&2; exit 1; }
import sys
from lifeevt.bench import environment, workloads
depth, operations = int(sys.argv[1]), int(sys.argv[2])
heap = environment.twins()["native"].EventHeap(depth + 1)
for key in workloads.key_steps(depth, seed=depth):
    heap.offer(key, 2, 0, None, 0)
for step in workloads.key_steps(operations):
    _, key, level, arrival, _ = heap.pop(5)
    heap.offer(key + step, level, arrival, None, 0)
PY
  callgrind_annotate --inclusive=yes --auto=no --threshold=100 "$kept/out" | tr -d ',' | awk '
    /heap_heap_offer/ && !offer { offer = $1 }
    /heap_heap_pop/ && !pop { pop = $1 }
    END { print offer + 0, pop + 0 }'
}

printf '%12s %18s %18s\n' depth 'instructions/push' 'instructions/pop'
for depth in "${depths[@]}"; do
  read -r filled popped <<< "$(counted "$depth" 0)"
  read -r pushes pops <<< "$(counted "$depth" "$operations")"
  printf '%12s %18s %18s\n' "$depth" $(((pushes - filled) / operations)) $(((pops - popped) / operations))
done
