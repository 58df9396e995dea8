"""The agent as an OpenAI-compatible model: `POST /v1/chat/completions` and `GET /v1/models`."""
