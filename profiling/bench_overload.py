"""Does a critical event stay as quick when three times as much comes as can be answered, and is all of it counted?"""

from lifeevt.bench.overload import main

if __name__ == "__main__":
    main(__doc__)
