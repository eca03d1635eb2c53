"""How long from the submit of a critical event until the state has changed, beside an idle and a busy interpreter?"""

from lifeevt.bench import measure
from lifeevt.bench.latency import NAME, rows

if __name__ == "__main__":
    measure.main(NAME, rows, __doc__)
