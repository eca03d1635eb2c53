"""What does the worker beside the loop cost, and what does it buy, against answering inside the tick?"""

from lifeevt.bench.throughput import main

if __name__ == "__main__":
    main()
