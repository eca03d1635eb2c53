#!/usr/bin/env bash
# How many instructions does an event's way execute? Counted by callgrind: the same on a busy machine as on an
# idle one. What it prints and takes: instructions.py.      PYTHON=… chooses the interpreter
exec "${PYTHON:-python3}" "$(dirname "$0")/instructions.py" "$@"
