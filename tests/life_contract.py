"""Facts about Life for the tests: its table of event types, and numbers that its own engines gave."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent / "data"
GOLDEN: dict[str, Any] = json.loads((DATA / "golden-vectors.json").read_text(encoding="utf-8"))
TRACE_TEXT = (DATA / "golden-trace-events.jsonl").read_text(encoding="utf-8")
TRACE_EVENTS = [json.loads(line) for line in TRACE_TEXT.splitlines()]
VITALS = ("energy", "stability", "integrity")
EXACT = {"abs": 1e-12, "rel": 0.0}

# type: appraisal weight, then base impact on energy, stability, integrity (LIFE-CONTRACT, section 2)
CONTRACT = {
    "noise": (0.5, -0.3, -0.02, 0),
    "decay": (1.0, -0.5, -0.01, -0.01),
    "recovery": (1.0, 1.0, 0.05, 0.02),
    "shock": (1.5, -1.5, -0.10, -0.05),
    "idle": (0.2, -0.1, 0, 0),
    "memory_echo": (0.8, -0.05, 0.02, 0.01),
    "social_presence": (0.9, -0.1, -0.03, 0),
    "social_conflict": (1.2, -0.8, -0.08, -0.03),
    "social_harmony": (1.1, 0.6, 0.06, 0.02),
    "cognitive_doubt": (0.8, 0, -0.04, -0.02),
    "cognitive_clarity": (1.0, 0.1, 0.05, 0.03),
    "cognitive_confusion": (0.7, -0.2, -0.06, -0.01),
    "existential_void": (1.3, -1.0, -0.05, -0.04),
    "existential_purpose": (1.4, 0.8, 0.08, 0.05),
    "existential_finitude": (1.1, -0.3, -0.07, -0.03),
    "connection": (1.1, 0.7, 0.08, 0.03),
    "isolation": (1.0, -0.6, -0.09, -0.02),
    "insight": (1.2, 0.2, 0.06, 0.04),
    "confusion": (0.8, -0.1, -0.07, -0.02),
    "curiosity": (0.7, -0.1, -0.03, 0),
    "meaning_found": (1.4, 0.9, 0.09, 0.06),
    "void": (1.3, -1.1, -0.06, -0.05),
    "acceptance": (0.9, 0.1, 0.04, 0.02),
    "silence": (0.8, 0.2, 0.03, 0.01),
    "joy": (1.1, 0.5, 0.06, 0.03),
    "sadness": (0.9, -0.4, -0.05, -0.02),
    "fear": (1.2, -0.6, -0.08, -0.04),
    "calm": (0.8, 0.1, 0.04, 0.02),
    "discomfort": (0.7, -0.3, -0.04, -0.01),
    "comfort": (0.8, 0.3, 0.03, 0.02),
    "fatigue": (0.9, -0.4, -0.02, -0.01),
    "anticipation": (0.7, -0.1, -0.03, 0),
    "boredom": (0.6, -0.2, -0.02, -0.01),
    "inspiration": (1.3, 0.4, 0.05, 0.04),
    "creative_dissonance": (0.8, -0.2, -0.03, -0.02),
    "*": (1.0, 0, 0, 0),
}
