"""SIGINT, SIGTERM and SIGHUP as an exception in the main thread, so that `finally` cleans up."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator, Sequence

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(BaseException):
    """The process was asked to end. The exit code is 128 + `signum`, as a shell would give it."""

    def __init__(self, signum: int):
        self.signum = signum
        super().__init__(signal.Signals(signum).name)


_deferred = 0
_pending: int | None = None


def _handle(signum: int, frame: object) -> None:
    global _pending
    if _deferred:
        _pending = signum
        return
    raise Interrupted(signum)


def arm() -> None:
    for number in SIGNALS:
        signal.signal(number, _handle)


@contextlib.contextmanager
def deferred() -> Iterator[None]:
    """A signal waits for the end of this block: cleaning up is not to be cut short."""
    global _deferred, _pending
    _deferred += 1
    try:
        yield
    finally:
        _deferred -= 1
        if _pending is not None and not _deferred:
            signum, _pending = _pending, None
            raise Interrupted(signum)


def together(calls: Sequence[Callable[[], None]]) -> None:
    """Call all at once and wait until all have returned; raises the first fault."""
    if len(calls) == 1:
        calls[0]()
        return
    faults: list[BaseException] = []

    def guarded(call: Callable[[], None]) -> None:
        try:
            call()
        except BaseException as e:
            faults.append(e)

    threads = [threading.Thread(target=guarded, args=(call,), daemon=True) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if faults:
        raise faults[0]
