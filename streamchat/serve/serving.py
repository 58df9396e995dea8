"""What the endpoints share."""

from __future__ import annotations

from dataclasses import dataclass, field

from streamchat.config import Settings
from streamchat.serve.ignored_tools import IgnoredTools
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
        ignored_tools: logs which tools of clients are ignored.
    """

    runs: Runs
    limits: Limits
    metrics: Metrics
    settings: Settings
    redactor: Redactor
    model: str
    ignored_tools: IgnoredTools = field(default_factory=IgnoredTools)
