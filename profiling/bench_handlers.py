"""What does the engine add to handlers in Python?"""

from lifeevt.bench import measure
from lifeevt.bench.handlers import NAME, rows

if __name__ == "__main__":
    measure.main(NAME, rows, __doc__)
