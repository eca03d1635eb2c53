"""What do one push and one pop inside C cost, at a steady depth, beside std::priority_queue?"""

from lifeevt.bench import measure
from lifeevt.bench.heap import NAME, rows

if __name__ == "__main__":
    measure.main(NAME, rows, __doc__)
