"""What do 1000 events a second use of a core, and how often does a waiting worker wake?"""

from lifeevt.bench import measure
from lifeevt.bench.idle import NAME, rows

if __name__ == "__main__":
    measure.main(NAME, rows, __doc__)
