"""The files of the page, as they are sent."""

from __future__ import annotations

import re
from pathlib import Path

import httpx2
import pytest
from starlette.applications import Starlette

from streamchat.serve import page

FOLDER = Path(page.__file__).parent


async def fetch(path: str, **headers: str) -> httpx2.Response:
    transport = httpx2.ASGITransport(Starlette(routes=page.routes()))
    async with httpx2.AsyncClient(transport=transport, base_url="http://page") as client:
        return await client.get(path, headers=headers)


async def test_the_page_and_all_that_it_loads_are_there() -> None:
    html = (await fetch("/")).text
    for name in re.findall(r'(?:href|src)="(page/[^"]+)"', html):
        assert (await fetch(f"/{name}")).status_code == 200, name
    for module in FOLDER.joinpath("static").glob("*.js"):
        for name in re.findall(r'from "\./([^"]+)"', module.read_text(encoding="utf-8")):
            reply = await fetch(f"/page/{name}")
            assert reply.headers["content-type"] == "text/javascript; charset=utf-8", name


async def test_files_are_sent_again_only_when_they_have_changed() -> None:
    first = await fetch("/page/page.css")
    again = await fetch("/page/page.css", **{"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "path", ["/page/", "/page/../__init__.py", "/page/%2e%2e/index.html", "/page/vendor/"]
)
async def test_nothing_else_is_sent(path: str) -> None:
    assert (await fetch(path)).status_code == 404


async def test_the_page_may_load_nothing_from_elsewhere() -> None:
    policy = (await fetch("/")).headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for path in (FOLDER / "index.html", *FOLDER.joinpath("static").glob("*.*")):
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert not re.findall(r"https?://\w", text), path.name
