"""Probes for harnesses in Python: a pyperf hook (`--hook duet-probe`) and a pytest plugin (`-p duet-probe`).

Install by copying this folder's content to where Python looks for packages. Each pass (a value, a round) is
a line of native CSV in DUET_RESULTS (results.csv in the working directory without it), written at once. In
a synchronised run (DUET_BARRIER) both sides meet before each pass, warm-up and calibration included, and
the column `synchronised` says whether the other side came. `measured` is 0 for a pass that the harness
does not report.
"""

import os
import sys
import time


class Barrier:
    """The meeting point before each pass: one FIFO a side; write to the other's, read your own."""

    def __init__(self, folder, side):
        other = {"A": "B", "B": "A"}[side]
        # Read-write, so that opening waits for nobody.
        self._own = os.open(os.path.join(folder, "barrier." + side), os.O_RDWR)
        self._other = os.open(os.path.join(folder, "barrier." + other), os.O_RDWR)
        self._alone = False
        self._ahead = False
        """Whether the other side waits at its next benchmark."""

    def meet(self):
        """Wait for the other side; whether it came."""
        return not self._ahead and self._exchange(b"g") == b"g"

    def begin(self):
        """Wait until the other side is at its next benchmark, too: either may have had more passes."""
        if self._ahead:
            self._ahead = False
            self._write(b"b")
            return
        mark = self._exchange(b"b", begins=True)
        while mark == b"g":  # of a pass that met nobody
            mark = self._exchange(b"", begins=True)

    def _exchange(self, mark, begins=False):
        """Write to the other side, read from it: g it is at a pass, b at its next benchmark, x it is gone."""
        if self._alone or not self._write(mark):
            return b"x"
        try:
            found = os.read(self._own, 1)
            if found == b"b" and not begins:
                self._ahead = True
            if found not in (b"g", b"b"):
                self._alone = True
                os.write(self._own, b"x")  # for the next process of this side
        except OSError:
            self._alone, found = True, b"x"
        return found

    def _write(self, mark):
        try:
            os.write(self._other, mark)
        except OSError:
            self._alone = True
        return not self._alone


def epoch_offset_ns():
    """What the wall clock is ahead of perf_counter: the reading with the least time in between."""
    best = None
    for _ in range(50):
        before = time.perf_counter_ns()
        wall = time.time_ns()
        after = time.perf_counter_ns()
        if best is None or after - before < best[0]:
            best = after - before, wall - (before + after) // 2
    return best[1]


class Iterations:
    """Writes the passes of this process after those of the processes before it."""

    def __init__(self, *columns):
        self._columns = columns
        self._barrier = None
        if os.environ.get("DUET_BARRIER"):
            self._barrier = Barrier(os.environ["DUET_BARRIER"], os.environ["DUET_SIDE"])
        self._offset = epoch_offset_ns()
        path = os.environ.get("DUET_RESULTS") or "results.csv"
        with open(path, "ab+") as file:
            file.seek(0)
            lines = file.read().count(b"\n")
        self._file = open(path, "a")  # noqa: SIM115 - until the process ends
        self._number = max(lines - 1, 0) - 1
        if not lines:
            names = ("iteration", "start_ns", "end_ns", *columns)
            self._file.write(",".join((*names, "synchronised") if self._barrier else names) + "\n")
        self._synchronised = False

    def begin(self):
        """A benchmark whose passes are counted from 0, on both sides; call it for each or for none."""
        self._number = -1
        if self._barrier:
            self._barrier.begin()

    def meet(self):
        """Before each pass, also one that is not written."""
        self._number += 1
        if self._barrier:
            self._synchronised = self._barrier.meet()

    def write(self, start_ns, end_ns, **values):
        """A pass, its times those of perf_counter_ns."""
        cells = [self._number, start_ns + self._offset, end_ns + self._offset]
        cells += [values[name] for name in self._columns]
        cells += [int(self._synchronised)] if self._barrier else []
        self._file.write(",".join(map(str, cells)) + "\n")
        self._file.flush()


def _option(name, default):
    """A whole number that pyperf gives to its worker: `--name N` or `--name=N`."""
    for i, word in enumerate(sys.argv):
        if word == name and i + 1 < len(sys.argv):
            return int(sys.argv[i + 1])
        if word.startswith(name + "="):
            return int(word[len(name) + 1 :])
    return default


class PyperfHook:
    """Entered by pyperf's worker around each value, those of warm-up and calibration among them."""

    iterations = None
    passes = 0
    """Of this process: pyperf makes a hook for the warm-up and another for the values."""

    def __init__(self):
        if PyperfHook.iterations is None:
            PyperfHook.iterations = Iterations("benchmark", "operations", "measured")
        calibrates = any(word.startswith(("--calibrate-", "--recalibrate-")) for word in sys.argv)
        self._warmups = sys.maxsize if calibrates else _option("--warmups", 0)
        self._loops = _option("--loops", 1)
        # A hook is not told what it is that runs, but the worker is told the how many-th of the script.
        self._task = f"task {_option('--worker-task', 0)}"

    def __enter__(self):
        self.iterations.meet()
        self._start = time.perf_counter_ns()

    def __exit__(self, *_error):
        end = time.perf_counter_ns()
        measured = int(PyperfHook.passes >= self._warmups)
        PyperfHook.passes += 1
        values = {"benchmark": self._task, "operations": max(self._loops, 1), "measured": measured}
        self.iterations.write(self._start, end, **values)

    def teardown(self, _metadata):
        pass


class _Timer:
    """pytest-benchmark's timer of one test, called at the start and at the end of each round."""

    def __init__(self, timer, iterations):
        self._timer, self._iterations = timer, iterations
        self.times = []
        self.rounds = False
        """Whether calibration is over."""

    def __call__(self):
        starts = len(self.times) != 1
        if starts:
            self.times.clear()
            if self.rounds:
                self._iterations.meet()
            self.times.append(time.perf_counter_ns())
            return self._timer()
        value = self._timer()
        self.times.append(time.perf_counter_ns())
        return value


class PytestPlugin:
    """Stamps the rounds of every test with the fixture `benchmark`."""

    def __init__(self):
        self._iterations = Iterations("benchmark", "operations")

    def watch(self, name, benchmark):
        """Stamp what this fixture is going to time. Known to fit pytest-benchmark 3.2 to 5."""
        self._iterations.begin()
        timer = _Timer(benchmark._timer, self._iterations)
        benchmark._timer = timer
        add = benchmark._add_stats
        iterations = self._iterations

        def added(stats):
            """Called by pytest-benchmark when it has calibrated and the rounds are about to begin."""
            timer.rounds = True
            timer.times.clear()
            update, count = stats.update, stats.iterations

            def updated(duration):
                """Called after each round, but not after those of the warm-up."""
                start, end = timer.times
                iterations.write(start, end, benchmark=name, operations=count)
                timer.times.clear()
                update(duration)

            stats.update = updated
            add(stats)

        benchmark._add_stats = added


def pytest_configure(config):
    # Loaded wherever it is installed: it does nothing but where duetbench measures.
    if os.environ.get("DUET_RUN") and config.pluginmanager.hasplugin("benchmark"):
        config._duet_probe = PytestPlugin()


def pytest_runtest_call(item):
    plugin = getattr(item.config, "_duet_probe", None)
    benchmark = getattr(item, "funcargs", {}).get("benchmark")
    if plugin and hasattr(benchmark, "_add_stats"):
        name = "".join("_" if mark in ',"\r\n' else mark for mark in item.nodeid)
        plugin.watch(name, benchmark)
