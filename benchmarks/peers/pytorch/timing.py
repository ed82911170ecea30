"""Times a step as dev.tandem.benchmarks.StepTiming does: several in a row and one wait behind them, repeated; medians."""

import statistics
import time

REPETITIONS = 9
ISSUED = 4  # so short a row that no queue is full and makes the host wait
MOST = 100_000


def clamp(n):
    return int(min(max(n, 1), MOST))


class Timing:
    def __init__(self, synchronize, seconds, warmup):
        self.synchronize, self.seconds, self.warmup = synchronize, seconds, warmup

    def milliseconds(self, step):
        """Of a step, in each repetition."""
        once = self.warm(step)
        steps = clamp(self.seconds / REPETITIONS / once)
        return [self.row(step, steps) / steps * 1e3 for _ in range(REPETITIONS)]

    def host_milliseconds(self, step):
        """That the host is busy with a step before it may go on to the next."""
        all = []
        for _ in range(REPETITIONS):
            self.synchronize()
            start = time.perf_counter()
            for _ in range(ISSUED):
                step()
            all.append((time.perf_counter() - start) * 1e3 / ISSUED)
        self.synchronize()
        return statistics.median(all)

    def warm(self, step):
        end = time.perf_counter() + self.warmup
        once = self.row(step, 1)
        while time.perf_counter() < end:
            steps = clamp(self.warmup / 10 / once)
            once = self.row(step, steps) / steps
        return once

    def row(self, step, steps):
        self.synchronize()
        start = time.perf_counter()
        for _ in range(steps):
            step()
        self.synchronize()
        return time.perf_counter() - start
