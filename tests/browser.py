"""The page of `streamchat serve` in headless Chromium: a person who types, presses and looks."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.program import start
from tests.server import Server

TOKEN = "token-of-this-test"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
WAIT = 120_000
"""Milliseconds after which a page counts as hanging, even on a busy machine."""


class Served(NamedTuple):
    """A running `streamchat serve`, and the server of its model."""

    url: str
    model: Server

    @property
    def door(self) -> str:
        """The address that the program prints."""
        return f"{self.url}?token={TOKEN}"


@contextmanager
def serve(home: Path, *options: str) -> Iterator[Served]:
    """Run the program; its model is scripted."""
    with Server() as model:
        arguments = ("serve", "--port", "0", "--token", TOKEN, *options)
        variables = {"OPENAI_BASE_URL": model.url, "OPENAI_API_KEY": "sk-page"}
        with start(home, *arguments, options={"cwd": home}, **variables) as program:
            assert program.stderr
            said = program.stderr.readline().decode()
            address = re.search(r"http://\S+/(?=\?token=)", said)
            assert address, said
            yield Served(address[0], model)
            program.terminate()


@contextmanager
def open_chromium() -> Iterator[Any]:
    """Start the system's Chromium, or skip the test if there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if not path:
        pytest.skip("Chromium is not installed")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path)
        yield browser
        browser.close()


@contextmanager
def open_window(chromium: Any, served: Served, **options: Any) -> Iterator[Any]:
    """Open an empty page in a window of its own; in it, nobody but the server is ever asked."""
    context = chromium.new_context(**{"viewport": {"width": 900, "height": 700}, **options})
    context.set_default_timeout(WAIT)
    page, asked, wrong = context.new_page(), list[str](), list[str]()
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    yield page
    elsewhere = [url for url in asked if not url.startswith(served.url)]
    assert not elsewhere, elsewhere
    assert not wrong, wrong
    context.close()


def ask(page: Any, question: str) -> None:
    page.locator("#question").fill(question)
    page.keyboard.press("Enter")


def wait_for_end(page: Any, turns: int = 1) -> None:
    """Wait until so many turns are over."""
    page.locator(".turn[aria-busy=false]").nth(turns - 1).wait_for()
    page.locator("#send").wait_for()


def wait_until_said(page: Any, text: str) -> str:
    """Wait until a screen reader is told the text; return all that it is told."""
    status = page.locator("#status")
    status.filter(has_text=text).wait_for(state="attached")
    return str(status.text_content())
