"""What does it cost to put one event in and take the most urgent one out, at a steady depth?"""

from lifeevt.bench import measure
from lifeevt.bench.queue import NAME, rows

if __name__ == "__main__":
    measure.main(NAME, rows, __doc__)
