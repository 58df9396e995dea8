"""Which failed requests are worth a retry, and when. `agent.model_call` counts the tries.

An answer that has begun is never requested again.
"""

from __future__ import annotations

import math
from email.utils import parsedate_to_datetime
from time import time

import openai

from streamchat.models.refusals import is_out_of_quota

_RETRIED = (408, 409, 429, *range(500, 600))
MAX_WAIT = 30.0
"""The longest Retry-After, in seconds, that is waited for without asking the user."""
_FIRST_WAIT = 0.5


def seconds_until_retry(error: BaseException, tries: int) -> tuple[float, bool] | None:
    """Return how long to wait before a retry, and whether the server asked for that wait.

    None means that a retry is pointless, or that the server asks for more than `MAX_WAIT`, which
    is for the user to decide.
    """
    if isinstance(error, openai.APITimeoutError):
        return None
    if isinstance(error, openai.APIConnectionError):
        return _FIRST_WAIT * 2**tries, False
    if not isinstance(error, openai.APIStatusError) or error.status_code not in _RETRIED:
        return None
    if is_out_of_quota(error):
        return None
    wanted = read_retry_after(error)
    if wanted is None:
        return _FIRST_WAIT * 2**tries, False
    return (wanted, True) if wanted <= MAX_WAIT else None


def is_rate_limit(error: BaseException) -> bool:
    """Whether the server refused the request because there were too many."""
    return isinstance(error, openai.APIStatusError) and error.status_code == 429


def read_retry_after(error: openai.APIStatusError) -> float | None:
    """Return the seconds in Retry-After (RFC 9110, section 10.2.3): a number or a date."""
    header = error.response.headers.get("retry-after", "")
    try:
        seconds = float(header)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(header).timestamp() - time()
        except (ValueError, TypeError, OverflowError):
            return None
        seconds = float(math.ceil(max(seconds, 0)))
    return seconds if math.isfinite(seconds) and seconds >= 0 else None
