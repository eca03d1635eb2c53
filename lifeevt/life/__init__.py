"""What Life adopts, in the order of adoption; never imports Life itself.

EventQueue      Life's queue, whose events an engine can take by urgency
wrap_state      Life's SelfState, unchanged, safe from several threads
handlers        Life's meaning, decision and action, one event one atomic step
run_loop        Life's loop: sync as today, async beside it, or both to compare
post_event, get_status      what stands behind Life's two addresses
"""

from __future__ import annotations

from .._public import publish
from .event_queue import EventQueue
from .http import Reply, get_status, post_event
from .life_state import LifeState, wrap_state
from .loop import run_loop
from .pipeline import Engines, EventPipeline, MemoryEntry, Outcome
from .shadow import Divergence, ShadowReport
from .silence import SilenceDetector
from .stages import handlers, processor
from .tick import Subsystems
from .ticking import LoopReport

__all__ = [
    "Divergence",
    "Engines",
    "EventPipeline",
    "EventQueue",
    "LifeState",
    "LoopReport",
    "MemoryEntry",
    "Outcome",
    "Reply",
    "ShadowReport",
    "SilenceDetector",
    "Subsystems",
    "get_status",
    "handlers",
    "post_event",
    "processor",
    "run_loop",
    "wrap_state",
]

__dir__ = publish(__name__)
