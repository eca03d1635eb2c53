#!/usr/bin/env bash
# Where does a run spend its time, Python and C in one picture? perf looks at the stacks, flame.py draws them.
#   profiling/flame.sh [--quick] [FILE.svg]      PYTHON=… chooses the interpreter
# The worker and the submitter stand apart: every thread is a tower of its own. Exit status 2 where perf is
# missing or may not look. CPython 3.12 and later tell perf the names of Python's functions; before that, and
# without frame pointers, Python is the interpreter's own C.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-python3}
picture=$here/results/flame.svg
events=200000
for argument in "$@"; do
  if [ "$argument" = --quick ]; then events=5000; else picture=$(realpath "$argument"); fi
done

if ! command -v perf > /dev/null; then
  echo "perf is not installed; it looks at the stacks that the flame graph shows" >&2
  exit 2
fi
kept=$(mktemp -d)
trap 'rm -rf "$kept"' EXIT
cd "$here" # a script from standard input looks for modules here first, and must not find the source tree
if ! perf record -e cpu-clock:u -F 3989 --call-graph dwarf,16384 -o "$kept/data" -- "$python" flame.py --run "$events" > "$kept/said" 2>&1; then
  cat "$kept/said" >&2
  echo "perf may not look at this run" >&2
  exit 2
fi
perf script -i "$kept/data" -F comm,tid,ip,sym 2> /dev/null > "$kept/stacks"
"$python" flame.py --title "$events events, by thread: the submitter and the worker" < "$kept/stacks" > "$picture"
echo "$picture"
