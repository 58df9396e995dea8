"""llama.cpp's own OpenAI-compatible server, from xllamacpp, in a process of its own: see `server`.

xllamacpp keeps the interpreter's lock while it loads a model, and llama.cpp may abort the process.
It ends when its parent does, however that ends.
"""

from __future__ import annotations

import fcntl
import json
import os
import sys
from typing import Any

_BATCH_TOKENS = 128
"""The server reports prompt processing after each batch.

On a busy machine, one of 512 tokens may take longer than a turn may be silent; it is no faster.
"""
_MAX_THREADS = 8
_LIFELINE = 0
"""Ends when the parent does."""


def main() -> None:
    """Load a model as a line of standard input says, and write the address of its server."""
    options = json.loads(_read_line())
    _end_with_parent()
    import xllamacpp

    try:
        parameters = _configure(xllamacpp.CommonParams(), options)
        if options["adapter"]:
            parameters.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(options["adapter"])]
        server = xllamacpp.Server(parameters)
    except Exception as error:  # any, of another language
        sys.exit(str(error))
    print(server.listening_address, flush=True)  # noqa: T201  # it is for the parent
    os.read(_LIFELINE, 1)
    os._exit(0)  # it may be in the middle of an answer


def _read_line() -> bytes:
    line = b""
    while not line.endswith(b"\n") and (read := os.read(_LIFELINE, 1 << 16)):
        line += read
    return line


def _end_with_parent() -> None:
    """Have the system end this process, even if no Python code can run in it.

    SIGIO says that the other end of the pipe is closed. macOS ignores it: there, a model is loaded
    before the process ends.
    """
    if flag := getattr(os, "O_ASYNC", 0):
        fcntl.fcntl(_LIFELINE, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(_LIFELINE, fcntl.F_SETFL, fcntl.fcntl(_LIFELINE, fcntl.F_GETFL) | flag)


def _configure(parameters: Any, options: dict[str, Any]) -> Any:
    parameters.model.path = options["file"]
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = 0
    parameters.api_keys = [options["key"]]
    parameters.ui = False
    parameters.verbosity = -1
    parameters.use_jinja = True
    if options["template"] is not None:
        parameters.chat_template = options["template"]
    parameters.n_ctx = options["context_tokens"]
    parameters.n_parallel = 1
    parameters.n_batch = _BATCH_TOKENS
    parameters.n_gpu_layers = 0
    parameters.warmup = False
    parameters.fit_params = False
    parameters.cache_ram_mib = 0
    threads = max(1, min(os.cpu_count() or 1, _MAX_THREADS))
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = threads
    # Mildly penalize loops; 16 tokens are longer than any number that is repeated rightly.
    parameters.sampling.dry_multiplier = 0.8
    parameters.sampling.dry_base = 1.75
    parameters.sampling.dry_allowed_length = 16
    parameters.sampling.dry_penalty_last_n = 256
    # Repacked weights would be slightly faster and half as large again.
    parameters.no_extra_bufts = True
    if options["states"]:
        parameters.slot_save_path = options["states"]
    return parameters


if __name__ == "__main__":
    main()
