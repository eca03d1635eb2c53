"""What does it cost to read one field, to take a snapshot of 16, to apply a delta of 3?"""

from lifeevt.bench.state import main

if __name__ == "__main__":
    main()
