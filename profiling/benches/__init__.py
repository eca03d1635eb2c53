"""Measures what lifeevt costs and buys, as ratios against named peers that take turns with it in one run.

One module a measure; `measure` takes turns and makes the tables, `workloads` holds the loads as data,
`peers` the same answers written without lifeevt, `environment` what a figure depends on. Imported by the
command alone, and by the scripts in `profiling/`.
"""

from __future__ import annotations
