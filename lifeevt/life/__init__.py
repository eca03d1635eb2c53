"""The adapter for Life, in the order in which Life adopts it. It never imports Life.

EventQueue                  Life's queue, which an engine can empty by urgency
wrap_state                  Life's SelfState, unchanged, safe from several threads
handlers                    Life's meaning, decision and action: each event is one atomic step
run_loop                    Life's loop: synchronous as before, asynchronous, or both compared
post_event, get_status      the handlers of Life's two HTTP addresses
"""

from __future__ import annotations

from .._public import publish
from .event_queue import EventQueue, SilenceDetector
from .http import Reply, get_status, post_event
from .life_state import LifeState, wrap_state
from .loop import LoopReport, run_loop
from .pipeline import Engines, EventPipeline, MemoryEntry, Outcome, handlers, processor
from .shadow import Divergence, ShadowReport
from .tick import Subsystems

__all__ = [
    "Divergence", "Engines", "EventPipeline", "EventQueue", "LifeState", "LoopReport", "MemoryEntry", "Outcome",
    "Reply", "ShadowReport", "SilenceDetector", "Subsystems", "get_status", "handlers", "post_event", "processor",
    "run_loop", "wrap_state",
]  # fmt: skip

__dir__ = publish(__name__)
