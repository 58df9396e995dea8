"""The pictures of the page in the manual: python -m tests.page_pictures draws them anew."""

from __future__ import annotations

import threading
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.browser import ask, open_chromium, open_window, serve
from tests.screens import BOTH, FOLDER
from tests.server import Until, answers

QUESTION = "What are 1.05 to the power of 10, and 3 times 4?"
ANSWER = """\
Here are the **power** and the **product**:

| | Result |
|---|---:|
| `1.05 ** 10` | 1.6289 |
| `3 * 4` | 12 |

So 1,000 become **1,628.89** in ten years"""


def main() -> None:
    """Draw the page, dark and light, while the answer arrives."""
    with TemporaryDirectory() as home, open_chromium() as chromium, serve(Path(home)) as served:
        for scheme, suffix in (("dark", ""), ("light", "-light")):
            end = threading.Event()
            answer = answers(f"{ANSWER} by themselves.")
            held = answer.but(parts=(*answer.parts[:-10], Until(end), *answer.parts[-10:]))
            served.model.script(BOTH, held)
            options = {"color_scheme": scheme, "viewport": {"width": 800, "height": 780}}
            with open_window(chromium, served, **options, device_scale_factor=1.5) as page:
                page.goto(served.door)
                ask(page, QUESTION)
                page.get_by_text("in ten").wait_for()
                page.screenshot(path=FOLDER / f"serve{suffix}.png", animations="disabled")
                end.set()


if __name__ == "__main__":
    main()
