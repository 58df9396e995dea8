"""Makes the rules about calls that the settings name."""

from __future__ import annotations

import json
from collections.abc import Iterable

from streamchat.config import Settings
from streamchat.config.approval import PROJECT_FILE
from streamchat.tools.approval import Rule, RulePolicy, Rules


def make_policy(settings: Settings) -> RulePolicy:
    """Return the policy that the settings name; it knows no tools yet."""
    allowed = [Rule(name, "allow", f"--allow {name}") for name in settings.allow]
    denied = [Rule(name, "deny", f"--deny {name}") for name in settings.deny]
    return RulePolicy(
        Rules(
            command_line=(*allowed, *denied),
            file=tuple(_make_rules(settings.approval)),
            project=tuple(_make_rules(settings.project_approval, f" in {PROJECT_FILE}")),
        )
    )


def _make_rules(pairs: Iterable[tuple[str, str]], place: str = "") -> Iterable[Rule]:
    for name, action in pairs:
        text = f"{json.dumps(name, ensure_ascii=False)} = {json.dumps(action)}{place}"
        match action:
            case "allow" | "ask" | "deny":
                yield Rule(name, action, text)
