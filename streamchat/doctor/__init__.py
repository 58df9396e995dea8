"""Examines a server."""

from streamchat.doctor.examination import diagnosis

__all__ = ["diagnosis"]
