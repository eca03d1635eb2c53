"""What does a turn add to code that works on an object of 30 numbers?"""

from lifeevt.bench import measure
from lifeevt.bench.turn import NAME, rows

if __name__ == "__main__":
    measure.main(NAME, rows, __doc__)
