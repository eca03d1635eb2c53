"""ProcessingThread: the thread that processes the events of an engine now, and whether the worker shall stop."""

from __future__ import annotations

import threading

__all__ = ["ProcessingThread"]


class ProcessingThread:
    """The thread that processes the events of one engine: its worker, or a caller of ``process_pending``.

    Written by the Worker alone; read from any thread.
    """

    def __init__(self) -> None:
        self.worker: threading.Thread | None = None
        self.ident: int | None = None  # of the thread that processes now
        self.stopping = False  # since a stop, until the next start

    @property
    def is_here(self) -> bool:
        """Whether the calling thread processes events now."""
        return self.ident == threading.get_ident()

    @property
    def is_worker(self) -> bool:
        """Whether the calling thread is the worker."""
        return self.worker is threading.current_thread()
