"""Counts runs and tokens, and reports them in the text format of Prometheus."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Literal, TypeAlias

Outcome: TypeAlias = Literal["done", "paused", "failed", "cancelled"]
OUTCOMES: tuple[Outcome, ...] = ("done", "paused", "failed", "cancelled")
MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_FIRST_TOKEN = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_TOTAL = (0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)


class Histogram:
    """Counts values by their sizes.

    Args:
        bounds: the upper bounds of the buckets.
    """

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def observe(self, value: float) -> None:
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def write(self, name: str) -> Iterator[str]:
        """Write the lines of the samples."""
        total = 0
        for bound, count in zip((*self._bounds, "+Inf"), self._counts, strict=True):
            total += count
            yield f'{name}_bucket{{le="{bound}"}} {total}'
        yield f"{name}_sum {self._sum:.15g}"
        yield f"{name}_count {total}"


class Metrics:
    """What has happened in this process since it started.

    Attributes:
        running: how many runs are under way.
        started: how many runs have been started.
        finished: how many have ended, by outcome.
        refused: how many requests found no room.
        input_tokens: of all messages of models, as far as their servers tell.
        output_tokens: likewise.
    """

    def __init__(self) -> None:
        self.running = self.started = self.refused = 0
        self.input_tokens = self.output_tokens = 0
        self.finished = Counter[Outcome]()
        self.first_token = Histogram(_FIRST_TOKEN)
        self.total = Histogram(_TOTAL)

    def start(self) -> None:
        self.running += 1
        self.started += 1

    def finish(self, outcome: Outcome, seconds: float) -> None:
        self.running -= 1
        self.finished[outcome] += 1
        self.total.observe(seconds)

    def write(self) -> str:
        """Return all of it in the text format of Prometheus."""
        return "".join(f"{line}\n" for line in self._lines())

    def _lines(self) -> Iterator[str]:
        yield from _head("runs_started_total", "counter", "Runs started.")
        yield f"streamchat_runs_started_total {self.started}"
        yield from _head("runs_finished_total", "counter", "Runs ended, by outcome.")
        for outcome in OUTCOMES:
            count = self.finished[outcome]
            yield f'streamchat_runs_finished_total{{outcome="{outcome}"}} {count}'
        yield from _head("runs_refused_total", "counter", "Requests refused for want of room.")
        yield f"streamchat_runs_refused_total {self.refused}"
        yield from _head("runs_running", "gauge", "Runs under way.")
        yield f"streamchat_runs_running {self.running}"
        yield from _head("tokens_total", "counter", "Tokens, as far as models' servers tell.")
        yield f'streamchat_tokens_total{{direction="input"}} {self.input_tokens}'
        yield f'streamchat_tokens_total{{direction="output"}} {self.output_tokens}'
        yield from _head("first_token_seconds", "histogram", "Seconds to a run's first token.")
        yield from self.first_token.write("streamchat_first_token_seconds")
        yield from _head("run_seconds", "histogram", "Seconds that runs took.")
        yield from self.total.write("streamchat_run_seconds")


def _head(name: str, kind: str, help: str) -> Iterator[str]:
    yield f"# HELP streamchat_{name} {help}"
    yield f"# TYPE streamchat_{name} {kind}"
