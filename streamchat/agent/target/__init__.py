"""The user's own agent: what `--agent` names, as a source of events."""
