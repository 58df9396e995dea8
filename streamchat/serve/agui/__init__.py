"""The agent as an AG-UI endpoint: runs over server-sent events and over a WebSocket."""
