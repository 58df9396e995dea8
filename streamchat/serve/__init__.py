"""Serves the agent over HTTP."""
