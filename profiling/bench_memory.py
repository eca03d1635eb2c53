"""What does a started engine add to the resident size of a process?"""

from lifeevt.bench import measure
from lifeevt.bench.memory import NAME, rows

if __name__ == "__main__":
    measure.main(NAME, rows, __doc__)
