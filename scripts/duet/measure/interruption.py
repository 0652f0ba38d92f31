"""SIGINT, SIGTERM and SIGHUP as an exception in the main thread, so that `finally` cleans up."""

import contextlib
import signal
import sys
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
_swallowed: int | None = None


def _handle(signum: int, frame: object) -> None:
    global _pending
    if _deferred:
        _pending = signum
        return
    raise Interrupted(signum)


def arm() -> None:
    for number in SIGNALS:
        signal.signal(number, _handle)
    sys.unraisablehook = _unraisable


def _unraisable(what: "sys.UnraisableHookArgs") -> None:
    """Python drops what is raised in a finalizer, in which a signal may well come."""
    global _swallowed
    if isinstance(what.exc_value, Interrupted):
        _swallowed = what.exc_value.signum
    else:
        sys.__unraisablehook__(what)


def check() -> None:
    """To be called where one waits: raises Interrupted for a signal that a finalizer has swallowed."""
    global _swallowed
    if _swallowed is not None:
        signum, _swallowed = _swallowed, None
        raise Interrupted(signum)


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
