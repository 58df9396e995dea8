"""The agent over HTTP: AG-UI, an OpenAI-compatible API and a page."""
