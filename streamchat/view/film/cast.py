"""Films as asciicast v3, the format of asciinema: https://docs.asciinema.org/manual/asciicast/v3"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import pairwise

from streamchat.text.surrogates import replace_surrogates
from streamchat.view.film import Frame, Size


def format_cast(frames: Sequence[Frame], size: Size, title: str, timestamp: float) -> str:
    """Return the text of a file.

    Args:
        frames: the film.
        size: of the terminal.
        title: the film's.
        timestamp: when it happened, in seconds since 1970.
    """
    header = {
        "version": 3,
        "term": {"cols": size.columns, "rows": size.lines, "type": "xterm-256color"},
        "timestamp": int(timestamp),
        "title": replace_surrogates(title),
    }
    return "\n".join([json.dumps(header), *_format_frames(frames), ""])


def _format_frames(frames: Sequence[Frame]) -> Iterator[str]:
    """Yield an event for each frame; its time counts from the event before."""
    # Rounding each interval would add up.
    times = [0, *(round(frame.at * 1000) for frame in frames)]
    for frame, (before, after) in zip(frames, pairwise(times), strict=True):
        data = json.dumps(replace_surrogates(frame.text))
        yield f'[{(after - before) / 1000:.3f}, "o", {data}]'
