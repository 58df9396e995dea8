"""How far a recording has been played."""

from __future__ import annotations

from collections.abc import Callable

SLOWEST, FASTEST = 1 / 16, 64


class Playhead:
    """Moves on with a clock, at any speed; it can stop and jump.

    Args:
        clock: tells seconds.
        speed: how much faster than the clock it moves.
    """

    def __init__(self, clock: Callable[[], float], speed: float = 1.0) -> None:
        self._clock = clock
        self._speed = speed
        self._stopped = False
        self._position = 0.0
        self._since = clock()

    @property
    def position(self) -> float:
        """Seconds of the recording."""
        if self._stopped:
            return self._position
        return self._position + (self._clock() - self._since) * self._speed

    @property
    def speed(self) -> float:
        return self._speed

    @speed.setter
    def speed(self, speed: float) -> None:
        self.jump(self.position)
        self._speed = min(max(speed, SLOWEST), FASTEST)

    @property
    def stopped(self) -> bool:
        return self._stopped

    @stopped.setter
    def stopped(self, stopped: bool) -> None:
        self.jump(self.position)
        self._stopped = stopped

    def jump(self, position: float) -> None:
        self._position, self._since = position, self._clock()

    def measure(self, position: float) -> float:
        """Return the seconds until the playhead is there, if it does not stop."""
        return (position - self.position) / self._speed
