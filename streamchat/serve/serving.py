"""What the endpoints share."""

from __future__ import annotations

from dataclasses import dataclass

from streamchat.config import Settings
from streamchat.serve.limits import Limits
from streamchat.serve.metrics import Metrics
from streamchat.serve.runs import Runs
from streamchat.text.redact import Redactor


@dataclass(frozen=True, slots=True)
class Serving:
    """What the endpoints share.

    Attributes:
        runs: starts runs.
        limits: how much a request may bring.
        metrics: what has happened so far.
        settings: the user's.
        redactor: knows the secrets.
        model: what answers, as shown to the user.
    """

    runs: Runs
    limits: Limits
    metrics: Metrics
    settings: Settings
    redactor: Redactor
    model: str
