"""Functions in threads that start together at one barrier."""

import threading

PATIENCE = 90.0


def together(*functions):
    """Run each function in a thread of its own from one start barrier; raise the first error of any."""
    start, errors = threading.Barrier(len(functions)), []

    def run(function):
        try:
            start.wait(PATIENCE)
            function()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(function,), daemon=True) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive(), "a thread hangs"
    if errors:
        raise errors[0]
