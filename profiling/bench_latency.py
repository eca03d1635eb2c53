"""How long from the submit of a critical event until the state has changed, in an idle interpreter and in a busy one?"""

from lifeevt.bench import measure
from lifeevt.bench.latency import NAME, rows

if __name__ == "__main__":
    measure.main(NAME, rows, __doc__)
