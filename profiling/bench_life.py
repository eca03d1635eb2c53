"""What does Life gain by its engine, and what does it pay?"""

from lifeevt.bench import measure
from lifeevt.bench.life import NAME, rows

if __name__ == "__main__":
    measure.main(NAME, rows, __doc__)
