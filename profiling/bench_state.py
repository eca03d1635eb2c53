"""What does it cost to read one field, to take a snapshot of 16, to apply a delta of 3?"""

from lifeevt.bench import measure
from lifeevt.bench.state import NAME, rows

if __name__ == "__main__":
    measure.main(NAME, rows, __doc__)
