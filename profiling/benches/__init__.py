"""Measure what lifeevt costs and saves, as ratios against named peers that take turns with it in one run.

Each module is a measure, apart from these: `measure` takes turns and makes the tables, `workloads` holds the loads as
data, `peers` and `life_loop` do the same work without lifeevt, and `environment` describes the machine and the build.
"""

from __future__ import annotations
