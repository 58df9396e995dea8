"""Chooses the embedded model that the settings name, and begins to load it early."""

from __future__ import annotations

from contextlib import suppress
from importlib.resources import files
from pathlib import Path

from streamchat.config import ModelError, Settings
from streamchat.config.reading import open_regular_file
from streamchat.models.embedded import cache
from streamchat.models.embedded.server import EmbeddedServer
from streamchat.models.embedded.weights import EMBEDDED, Weights, choose_weights
from streamchat.models.progress import Progress, ignore_progress

_GGUF_MAGIC = b"GGUF"
_early: dict[Path, EmbeddedServer] = {}
"""The server that was started early, by its file, until it is used."""


def start_early(settings: Settings) -> None:
    """Begin to load the model, if it is there: it takes as long as LangChain does to import.

    What goes wrong here will go wrong again, and be reported, when the model is opened.
    """
    if _early or not settings.is_local:
        return
    if not settings.gguf and not cache.is_checked(_find_weights(settings).path):
        return
    with suppress(ModelError):
        server = choose_server(settings, ignore_progress)
        server.start()
        _early[server.file] = server


def choose_server(settings: Settings, progress: Progress) -> EmbeddedServer:
    """Return the server for the model that the settings name, started or not.

    Raises:
        ModelError: the model is not installed, its hash is wrong, or the file is not a model.
    """
    if settings.gguf:
        file = _check_gguf(settings.gguf)
        facts = file.stat()
        identity = f"{file.resolve()} {facts.st_size} {facts.st_mtime_ns}"
        return _take(EmbeddedServer(file, None, identity))
    weights = _find_weights(settings)
    template = (
        files("streamchat.models.embedded").joinpath("qwen.jinja").read_text(encoding="utf-8")
    )
    identity, adapter = weights.sha256 + template, weights.adapter
    try:
        identity += cache.hash_file(adapter) if adapter else ""
    except OSError as error:
        raise ModelError(f"{adapter}: {error.strerror}; install streamchat again") from None
    return _take(EmbeddedServer(weights.file(progress), template, identity, adapter))


def _take(server: EmbeddedServer) -> EmbeddedServer:
    """Return the same server, if it was started early, and stop one that is not used."""
    for file in [*_early]:
        early = _early.pop(file)
        if file == server.file and early.identity == server.identity:
            return early
        early.stop()
    return server


def _find_weights(settings: Settings) -> Weights:
    return EMBEDDED[settings.model] if settings.model else choose_weights()


def _check_gguf(path: Path) -> Path:
    try:
        with open_regular_file(path) as file:
            magic = file.read(len(_GGUF_MAGIC))
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror}") from None
    if magic != _GGUF_MAGIC:
        raise ModelError(f"{path} is not a GGUF file")
    return path
