"""The agent over HTTP: what `streamchat serve` runs."""
