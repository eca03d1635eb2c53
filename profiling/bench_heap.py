"""What does it cost to put one event in and take the most urgent one out, at a steady depth?"""

from lifeevt.bench.queue import main

if __name__ == "__main__":
    main()
