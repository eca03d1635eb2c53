"""A child saves ever higher numbers and prints each; it is killed many times. Arguments: the file, how often."""

import json
import os
import signal
import sys
from itertools import count

from lifeevt.state.checksummed_file import ChecksummedFile

file, kills = ChecksummedFile(sys.argv[1], "being"), int(sys.argv[2])


def save(first, said):
    for number in count(first):
        file.write(json.dumps({"number": number, "ballast": "x" * 20_000}))
        os.write(said, b"%d\n" % number)


def killed(first, times):
    """Let a child save from `first` on, kill it after it said so some times; return the last it said."""
    hear, say = os.pipe()
    child = os.fork()
    if child == 0:
        save(first, say)
    os.close(say)
    with open(hear) as said:
        for _ in range(times):
            last = int(said.readline())
        os.kill(child, signal.SIGKILL)
        last = max([last, *map(int, said.readlines())])
    os.waitpid(child, 0)
    return last


number = 0
for turn in range(kills):
    said = killed(number + 1, 3 + turn % 5)
    found = file.read()
    number = json.loads(found.content)["number"]
    assert number >= said, f"{said} was said to be saved, {number} is there"
    assert found.problem is None, found.problem
print(number)
