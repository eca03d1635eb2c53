"""How long from submit until the state has changed, in an idle interpreter and in a busy one?"""

from lifeevt.bench.latency import main

if __name__ == "__main__":
    main()
