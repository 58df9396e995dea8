"""Trains the adapter of an embedded model: python -m tests.training FILE [--model local-large]

A LoRA adapter: for each matrix of the model, the product of two thin ones is learned, which
llama.cpp adds to it. The matrices themselves are those of the model's GGUF file, in which they are
rounded to four bits, and stay as they are. It needs torch, transformers, accelerate and gguf, and
on two cores an hour or more; with --resume it goes on with an adapter that there is, also one of a
lower rank.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import gguf
import numpy as np
import torch
from langchain_core.utils.function_calling import convert_to_openai_tool
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoModelForCausalLM, AutoTokenizer

from streamchat.models.embedded.pythonic.prompt import build_prefix
from streamchat.models.embedded.pythonic.toolbox import read_toolbox
from streamchat.models.embedded.weights import EMBEDDED, SMALL
from streamchat.models.progress import ignore_progress
from streamchat.tools import TOOLS
from tests.training.questions import Exchange, make_conversations, read_entries

Example: TypeAlias = tuple[list[int], list[float]]
"""The tokens of a conversation, and how much each counts: only what the model writes does."""


class Shape(NamedTuple):
    """What of a model is trained.

    Attributes:
        rank: how thin the matrices are.
        alpha: their product counts alpha / rank times.
        first_layer: the layers below read words; what is to be learned is how to calculate.
    """

    rank: int
    alpha: float
    first_layer: int

    @property
    def scale(self) -> float:
        return self.alpha / self.rank


_SHAPES = {"local": Shape(16, 32.0, 2), "local-large": Shape(4, 16.0, 10)}
_ALPHA = "adapter.lora.alpha"
_PACK_TOKENS = 700
_WARM_UP, _LEAST = 15, 0.05
_CLOSED = 0.25
"""The part of the sums that are followed by their answers, too."""
_WORDS_COUNT = 0.5
_HELD_BACK = 40
"""One of so many entries is not trained with, to see what the model makes of others."""
_MATRICES = {
    "q_proj": "attn_q",
    "k_proj": "attn_k",
    "v_proj": "attn_v",
    "o_proj": "attn_output",
    "gate_proj": "ffn_gate",
    "up_proj": "ffn_up",
    "down_proj": "ffn_down",
}


class Adapted(nn.Module):
    """A matrix with its two thin ones."""

    def __init__(self, base: nn.Linear, shape: Shape) -> None:
        super().__init__()
        self.base = base
        self.shape = shape
        wide = math.sqrt(base.in_features)
        self.a = nn.Parameter(torch.randn(shape.rank, base.in_features) / wide)
        self.b = nn.Parameter(torch.zeros(base.out_features, shape.rank))

    def forward(self, x: Tensor) -> Tensor:
        return self.base(x) + x @ self.a.T @ self.b.T * self.shape.scale


class Encoder:
    """Writes conversations as tokens, in the template of the model."""

    def __init__(self, tokenizer: Any, rng: random.Random) -> None:
        self._tokenizer = tokenizer
        self._rng = rng
        toolbox = read_toolbox([convert_to_openai_tool(each) for each in TOOLS])
        assert toolbox
        (system,) = build_prefix(toolbox, "")
        self.prefix = self._encode(f"<|im_start|>system\n{system['content']}<|im_end|>\n")

    def encode(self, conversation: Sequence[Exchange]) -> Example:
        tokens: list[int] = []
        weights: list[float] = []
        for role, text, weight in self._list_messages(conversation):
            head = self._encode(f"<|im_start|>{role}\n")
            body = self._encode(f"{text}<|im_end|>")
            end = self._encode("\n")
            tokens += head + body + end
            weights += [0.0] * len(head) + [weight] * len(body) + [0.0] * len(end)
        return tokens, weights

    def _list_messages(self, conversation: Sequence[Exchange]) -> Iterator[tuple[str, str, float]]:
        for each in conversation:
            yield "user", each.question, 0.0
            if each.line is not None:
                yield "assistant", each.line, 1.0
                if each is conversation[-1] and self._rng.random() > _CLOSED:
                    return
                yield "user", f"{each.line} = {each.result}", 0.0
            answer = json.dumps(each.answer, ensure_ascii=False)
            yield "assistant", f"say({answer})", _WORDS_COUNT

    def _encode(self, text: str) -> list[int]:
        return self._tokenizer.encode(text, add_special_tokens=False)


def adapt(model: Any, shape: Shape) -> dict[str, Adapted]:
    """Add the thin matrices; return them by the names of theirs in a GGUF file."""
    model.requires_grad_(False)
    adapted = {}
    for number, layer in enumerate(model.model.layers):
        for part in (layer.self_attn, layer.mlp) if number >= shape.first_layer else ():
            for name, child in [*part.named_children()]:
                if name in _MATRICES:
                    adapted[f"blk.{number}.{_MATRICES[name]}.weight"] = Adapted(child, shape)
                    setattr(part, name, adapted[f"blk.{number}.{_MATRICES[name]}.weight"])
    return adapted


def measure_loss(model: Any, prefix: list[int], examples: Sequence[Example]) -> tuple[Tensor, int]:
    """Return the loss over examples that share a prefix, and how many tokens were foreseen."""
    tokens, weights, owners = [*prefix], [0.0] * len(prefix), [0] * len(prefix)
    places = [*range(len(prefix))]
    for owner, (its_tokens, its_weights) in enumerate(examples, 1):
        tokens += its_tokens
        weights += its_weights
        owners += [owner] * len(its_tokens)
        places += range(len(prefix), len(prefix) + len(its_tokens))
    owner_of = torch.tensor(owners)
    sees = (owner_of[:, None] == owner_of) | (owner_of == 0)
    sees &= torch.ones(len(tokens), len(tokens), dtype=torch.bool).tril()
    mask = torch.zeros(sees.shape).masked_fill(~sees, torch.finfo(torch.float32).min)
    states = model.model(
        input_ids=torch.tensor([tokens]),
        position_ids=torch.tensor([places]),
        attention_mask=mask[None, None],
        use_cache=False,
    ).last_hidden_state[0]
    counts = torch.tensor(weights)
    at = counts.nonzero()[:, 0]
    wanted = torch.tensor(tokens)[at]
    logits = functional.linear(states[at - 1], model.lm_head.weight)
    losses = functional.cross_entropy(logits, wanted, reduction="none")
    foreseen = int((logits.argmax(-1) == wanted).sum())
    return (losses * counts[at]).sum() / counts[at].sum(), foreseen


def pack(examples: Sequence[Example]) -> Iterator[list[Example]]:
    """Yield the examples in packs of some hundred tokens."""
    current: list[Example] = []
    for each in examples:
        if current and sum(len(tokens) for tokens, _ in [*current, each]) > _PACK_TOKENS:
            yield current
            current = []
        current.append(each)
    yield current


def resume(adapted: dict[str, Adapted], file: Path) -> None:
    """Read the thin matrices of an adapter that was saved, perhaps with a lower rank."""
    reader = gguf.GGUFReader(file)
    alpha = float(reader.fields[_ALPHA].contents())
    for each in reader.tensors:
        name, _, part = each.name.rpartition(".lora_")
        values = torch.from_numpy(each.data.astype(np.float32))
        if part == "a":
            adapted[name].a.data[: len(values)] = values
        else:
            rank = values.shape[1]
            scale = alpha / rank / adapted[name].shape.scale
            adapted[name].b.data[:, :rank] = values * scale


def save(adapted: dict[str, Adapted], file: Path, shape: Shape) -> None:
    """Write the thin matrices in llama.cpp's format."""
    writer = gguf.GGUFWriter(file, "qwen2")
    writer.add_string("general.type", "adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32(_ALPHA, shape.alpha)
    for name, each in adapted.items():
        writer.add_tensor(f"{name}.lora_a", each.a.detach().numpy().astype(np.float16))
        writer.add_tensor(f"{name}.lora_b", each.b.detach().numpy().astype(np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("file", type=Path)
    parser.add_argument("--model", choices=[*EMBEDDED], default=SMALL.name)
    parser.add_argument("--resume", type=Path, metavar="ADAPTER")
    parser.add_argument("--minutes", type=float, default=55)
    parser.add_argument("--rate", type=float, default=5e-4)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    rng = random.Random(options.seed)
    weights = EMBEDDED[options.model].file(ignore_progress)
    directory, name = str(weights.parent), weights.name
    encoder = Encoder(AutoTokenizer.from_pretrained(directory, gguf_file=name), rng)
    model = AutoModelForCausalLM.from_pretrained(directory, gguf_file=name, dtype=torch.float32)
    shape = _SHAPES[options.model]
    adapted = adapt(model, shape)
    if options.resume:
        resume(adapted, options.resume)
    entries = read_entries()
    rng.shuffle(entries)
    held = len(entries) // _HELD_BACK
    unseen = [encoder.encode(each) for each in make_conversations(entries[:held], rng)]
    examples = [encoder.encode(each) for each in make_conversations(entries[held:], rng)]
    print(len(examples), "examples,", sum(len(tokens) for tokens, _ in examples), "tokens")
    parameters = [each for both in adapted.values() for each in (both.a, both.b)]
    optimizer = torch.optim.AdamW(parameters, lr=options.rate, betas=(0.9, 0.99), weight_decay=0.01)
    start, step = time.monotonic(), 0
    while (done := (time.monotonic() - start) / (60 * options.minutes)) < 1:
        rng.shuffle(examples)
        for each in pack(examples):
            done = min(1.0, (time.monotonic() - start) / (60 * options.minutes))
            slowed = _LEAST + (1 - _LEAST) * (1 + math.cos(math.pi * done)) / 2
            for group in optimizer.param_groups:
                group["lr"] = options.rate * min(1, (step + 1) / _WARM_UP) * slowed
            loss, _ = measure_loss(model, encoder.prefix, each)
            loss.backward()
            nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
            optimizer.zero_grad()
            step += 1
            if step % 50 == 0 or done == 1:
                save(adapted, options.file, shape)
                print(f"{step} steps, {done:.0%}: {describe(model, encoder.prefix, unseen)}")
            if done == 1:
                break


def describe(model: Any, prefix: list[int], unseen: Sequence[Example]) -> str:
    """Return how many tokens of questions that were held back the model foresees."""
    total = sum(weight > 0 for _, weights in unseen for weight in weights)
    with torch.no_grad():
        foreseen = sum(measure_loss(model, prefix, each)[1] for each in pack(unseen))
    return f"{foreseen} of {total} tokens foreseen"


if __name__ == "__main__":
    main()
