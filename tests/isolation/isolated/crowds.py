"""Play random programs with threads and look for anomalies. Prints how many histories there were, and what was found.

Arguments: a twin, or the name of a state broken on purpose; the isolation; how many histories; a seed.
"""

import json
import random
import sys
from collections import Counter
from functools import partial
from pathlib import Path

HOME = Path(__file__).parents[2]
sys.path.insert(0, str(HOME))

from isolation import broken  # noqa: E402
from isolation.checker import anomalies  # noqa: E402
from isolation.crowd import play_together  # noqa: E402
from isolation.programs import MAX_CLIENTS, decoded  # noqa: E402
from linearizability.crew import Crew  # noqa: E402

import lifeevt  # noqa: E402

WATCHED = [str(Path(lifeevt.__file__).parent), str(HOME / "isolation")]
PROGRAM_BYTES = 80
TWINS = ("native", "reference")


def main(name, isolation, count, seed):
    sys.setswitchinterval(1e-6)
    make = partial(lifeevt.ThreadSafeSelfState, backend=name) if name in TWINS else getattr(broken, name)
    crew, dice = Crew(MAX_CLIENTS, WATCHED), random.Random(seed)
    found, ends, example = Counter(), Counter(), ""
    for _ in range(int(count)):
        history = play_together(crew, make, decoded(dice.randbytes(PROGRAM_BYTES)), isolation, dice)
        names = {anomaly.name for anomaly in anomalies(history)}
        found.update(names)
        ends.update(transaction.why.split()[0] for transaction in history.transactions)
        example = example or (f"{anomalies(history)}\n{history}" if names - {"G2-item"} else "")
    crew.close()
    print(json.dumps({"histories": int(count), "found": found, "ends": ends, "example": example}))


main(*sys.argv[1:])
