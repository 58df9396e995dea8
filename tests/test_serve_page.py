"""The page: what a person sees and does there, in headless Chromium."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser import (
    TOKEN,
    Served,
    ask,
    open_chromium,
    open_window,
    serve,
    wait_for_end,
    wait_until,
    wait_until_said,
)
from tests.server import (
    MARKDOWN,
    NEVER,
    NOTEBOOK_ARGUMENTS,
    Reply,
    Until,
    answers,
    call_delta,
    calls,
    delta,
    fails,
    notebook,
    says,
)

TOOLS = '''
def delete(path: str) -> str:
    """Delete a file."""
    return f"deleted {path}"


def fetch(address: str) -> str:
    """Fetch a page."""
    return "<img src=x onerror='injected = 1'><script>injected = 1</script>"
'''
DELETE = says("I delete it.") + calls("delete", path="notes.txt")
AT_END = "scrollY + innerHeight > document.documentElement.scrollHeight - 60"
COUNT_CHANGES = """() => {
  window.seen = window.changes = 0;
  const prose = document.querySelector(".prose");
  new MutationObserver(() => { changes += 1; }).observe(prose, { childList: true, subtree: true });
  const count = () => { seen += 1; requestAnimationFrame(count); };
  requestAnimationFrame(count);
}"""
KINDS = ("approve", "edit", "reject", "respond")
HOSTILE = """\
<img src=x onerror="injected = 1"> <svg onload="injected = 1"></svg> <script>injected = 1</script>

<iframe srcdoc="<script>parent.injected = 1</script>"></iframe>

<style>* { background: url(https://elsewhere.example/style) }</style>

[a](javascript:injected=1) [b](JaVaScRiPt:injected=1) [c](&#106;avascript:injected=1)
[d](data:text/html,<script>injected=1</script>) [e](vbscript:injected) [f](/agent?token=1)
![pixel](https://elsewhere.example/pixel.png) ![x](x" onerror="injected=1)
[g](https://good.example/ "title\\" onclick=injected=1") <https://good.example/auto>
mailto:a@b.example

\x1b[2J \u202ekcab\u202c &#x202e;again zero\u200bwidth

| <img src=x onerror=injected=1> | b |
|:------------------------------|--:|
| `<b onclick=injected=1>`      | 2 |

```html" onclick="injected=1
</code></pre><img src=x onerror="injected = 1">
```
"""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with open_chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def served(chromium: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("home")
    (home / "my_tools.py").write_text(TOOLS)
    options = ("--tools", "my_tools.py", "--allow", "fetch", "--max-runs", "2")
    with serve(home, *options) as running:
        yield running


@pytest.fixture(scope="module")
def window(chromium: Any, served: Served) -> Iterator[Any]:
    with open_window(chromium, served) as opened:
        yield opened


@pytest.fixture
def page(window: Any, served: Served) -> Any:
    """The page in a tab that has kept nothing."""
    window.goto(f"{served.url}health")
    window.evaluate("sessionStorage.clear()")
    window.goto(served.door)
    return window


def test_fragments_appear_one_by_one(page: Any, served: Served) -> None:
    steps = [threading.Event() for _ in NOTEBOOK_ARGUMENTS]
    parts: list[Any] = [call_delta(id="call_1", name="add", arguments="")]
    for fragment, step in zip(NOTEBOOK_ARGUMENTS, steps, strict=True):
        parts += [call_delta(arguments=fragment), Until(step)]
    served.model.script(Reply(tuple(parts), finish_reason="tool_calls"), notebook()[1])
    ask(page, "What is 10 + 10")
    fragments = page.locator(".call .fragment")
    for number, step in enumerate(steps, 1):
        fragments.nth(number - 1).wait_for()
        assert fragments.all_text_contents() == list(NOTEBOOK_ARGUMENTS[:number])
        assert page.locator(".call .state").text_content() == "running"
        step.set()
    wait_for_end(page)
    assert page.locator(".call .arguments").text_content() == '{"|x|":|10|,"|y|":|10|}|'
    assert page.locator(".call .result").text_content() == "20"
    assert page.locator(".call .state").text_content().startswith("done · ")
    assert page.locator(".prose").text_content() == "10 + 10 equals 20."
    assert TOKEN not in page.url


def test_stopping_closes_the_connection_to_the_model(page: Any, served: Served) -> None:
    served.model.disconnected.clear()
    served.model.script(says("I think ", "about it").but(finish_reason=None, done=False) + _never())
    ask(page, "What is it?")
    page.get_by_text("I think about it").wait_for()
    page.get_by_role("button", name="Stop").click()
    assert served.model.disconnected.wait(60)
    wait_for_end(page)
    assert "Stopped." in page.locator(".failure").text_content()
    assert page.evaluate("document.activeElement.id") == "question"


def _never() -> Reply:
    return Reply((NEVER,), finish_reason=None, done=False)


def test_the_conversation_goes_on_and_begins_anew(page: Any, served: Served) -> None:
    served.model.script(says("Bern."), says("Rome."), says("Hello."))
    for number, question in enumerate(("Of Switzerland?", "Of Italy?"), 1):
        ask(page, question)
        wait_for_end(page, number)
    sent = [each["content"] for each in served.model.requests[-1]["messages"]]
    assert [each for each in sent if each in ("Of Switzerland?", "Bern.", "Of Italy?")] == [
        "Of Switzerland?",
        "Bern.",
        "Of Italy?",
    ]
    page.get_by_role("button", name="New conversation").click()
    assert page.locator(".turn").count() == 0
    ask(page, "Hi")
    wait_for_end(page)
    assert "Bern." not in str(served.model.requests[-1])


def test_a_reload_keeps_the_conversation(page: Any, served: Served) -> None:
    thought = Reply((delta(reasoning_content="Hm. "), delta(reasoning_content="Add.")))
    served.model.script(
        thought + calls("add", NOTEBOOK_ARGUMENTS), answers(MARKDOWN), fails(401, "wrong key")
    )
    ask(page, "What is 10 + 10")
    wait_for_end(page)
    ask(page, "Of Italy?")
    wait_for_end(page, 2)
    shown = page.locator("main").inner_text()
    page.reload()
    wait_for_end(page, 2)
    assert page.locator("main").inner_text() == shown

    served.model.script(says("Rome."), says("Bern."))
    page.get_by_role("button", name="Ask again").click()
    page.get_by_text("Rome.").wait_for()
    wait_for_end(page, 2)
    ask(page, "Of Switzerland?")
    wait_for_end(page, 3)
    asked = [each["content"] for each in served.model.requests[-1]["messages"]]
    assert [
        each for each in asked if each in ("What is 10 + 10", "Of Italy?", "Rome.", MARKDOWN)
    ] == [
        "What is 10 + 10",
        MARKDOWN,
        "Of Italy?",
        "Rome.",
    ]
    page.get_by_role("button", name="New conversation").click()
    page.reload()
    page.locator("#welcome").wait_for()
    assert page.locator(".turn").count() == 0


def test_a_question_to_the_user_is_still_open_after_a_reload(page: Any, served: Served) -> None:
    served.model.script(DELETE, answers("Gone."))
    ask(page, "Delete my notes")
    page.get_by_role("button", name="Run").wait_for()
    page.reload()
    assert "asks whether to run delete" in wait_until_said(page, "asks whether")
    page.get_by_role("button", name="Run").click()
    wait_for_end(page)
    assert page.locator(".result").text_content() == "deleted notes.txt"
    page.reload()
    wait_for_end(page)
    assert page.locator(".asks").count() == 0
    assert page.locator(".prose").all_text_contents() == ["I delete it.", "Gone."]


def test_an_answer_to_the_agent_is_given_once(page: Any, served: Served) -> None:
    gone = threading.Event()
    served.model.script(DELETE, says("It is gone") + Reply((Until(gone),)))
    ask(page, "Delete my notes")
    page.get_by_role("button", name="Run").click()
    page.get_by_text("It is gone").wait_for()
    page.reload()
    wait_for_end(page)
    gone.set()
    assert "The connection was lost" in page.locator(".failure").text_content()
    assert page.locator(".result").text_content() == "deleted notes.txt"
    assert page.locator(".prose").last.text_content() == "It is gone"
    assert page.locator(".asks").count() == 0


def test_another_server_gets_nothing_of_the_conversation(page: Any, served: Served) -> None:
    served.model.script(says("Bern."))
    ask(page, "Of Switzerland?")
    wait_for_end(page)
    page.goto(f"{served.url}?token=another")
    assert page.locator(".turn").count() == 0


def test_nothing_in_the_storage_of_the_tab_breaks_the_page(page: Any, served: Served) -> None:
    done = {"at": 1, "usage": [], "failure": ""}
    turn = {"id": "1", "question": "Hi", "events": [], "interrupts": [], "end": done}
    begun = {**turn, "end": None}
    odd = {"type": "CUSTOM", "name": "streamchat.notice", "value": None}
    unheard = {"type": "constructor"}
    for text in (
        "{",
        "[" * 1_000_000,
        _keep(turn, version=0),
        _keep({**turn, "question": {"toString": 1}}),
        _keep({**turn, "events": [[0, unheard]]}),
        _keep({**turn, "events": [[0, odd]]}),
        _keep({**begun, "interrupts": [None]}),
    ):
        _reload_with(page, text)
        assert page.locator(".turn").count() == 0, text[:200]

    said = {"type": "TEXT_MESSAGE_CONTENT", "messageId": "m", "delta": HOSTILE}
    asked = {"id": "1", "message": HOSTILE, "metadata": {"streamchat": {"actions": [None]}}}
    _reload_with(
        page,
        _keep({**turn, "events": [[0, said]]}, {**begun, "interrupts": [asked]}, begun),
    )
    wait_for_end(page, 3)
    assert page.locator("main").locator("script, img, svg, iframe, style, [onclick]").count() == 0
    assert page.evaluate("window.injected") is None
    _reload_with(page, _keep({**begun, "interrupts": [asked]}))
    wait_for_end(page)
    served.model.script(says("Hello."))
    ask(page, "Hi")
    page.get_by_text("Hello.").wait_for()
    wait_for_end(page, 2)


def _keep(*turns: Any, **others: Any) -> str:
    return json.dumps({"version": 1, "threadId": "t", "cut": False, "turns": turns} | others)


def _reload_with(page: Any, text: str) -> None:
    page.evaluate("text => sessionStorage.setItem('streamchat-conversation', text)", text)
    page.reload()


def test_a_long_conversation_is_kept_without_its_beginning(page: Any, served: Served) -> None:
    long = {"type": "CUSTOM", "name": "unknown", "value": "x" * 1_990_000}
    done = {"at": 1, "usage": [], "failure": ""}
    turn = {"id": "1", "question": "Old?", "events": [[0, long]], "interrupts": [], "end": done}
    _reload_with(page, _keep(turn))
    assert page.locator(".question").all_text_contents() == ["Old?"]
    served.model.script(says("y" * 20_000))
    ask(page, "New?")
    wait_for_end(page, 2)
    page.reload()
    page.get_by_text("too long to keep").wait_for()
    assert page.locator(".question").all_text_contents() == ["New?"]


def test_nothing_that_a_model_or_tool_says_becomes_markup(page: Any, served: Served) -> None:
    thought = Reply((delta(reasoning_content=HOSTILE),))
    served.model.script(
        thought + says(HOSTILE) + calls("fetch", address=HOSTILE), answers(HOSTILE, size=7)
    )
    ask(page, HOSTILE)
    wait_for_end(page)
    made = "script, img, svg, iframe, style, object, embed, form, input, [style], [onclick]"
    assert page.locator("main").locator(made).count() == 0
    links = page.locator("main a")
    assert {each.split(":")[0] for each in _read(links, "href")} == {"https", "mailto"}
    assert set(_read(links, "rel")) == {"noopener noreferrer nofollow"}
    assert page.locator(".prose").last.get_by_text("image: pixel").count() == 1
    assert page.evaluate("window.injected") is None
    text = page.locator("main").text_content()
    assert not set("\x1b\u202e\u202c\u200b") & set(text)
    assert text.count(r"\x1b[2J \u202ekcab\u202c \u202eagain zero\u200bwidth") == 2


def _read(elements: Any, attribute: str) -> list[str]:
    return [each.get_attribute(attribute) for each in elements.all()]


def test_nesting_does_not_hang_the_page(page: Any, served: Served) -> None:
    lengths = {"[": 100_000, "<div>": 100_000, "*a_ ": 100_000, ">": 10_000_000}
    blocks = {piece: piece * (20_000 // len(piece)) for piece in lengths}
    served.model.script(
        *(says(*[blocks[piece]] * (size // 20_000)) for piece, size in lengths.items())
    )
    for turns in range(1, len(lengths) + 1):
        ask(page, "Go on")
        wait_for_end(page, turns)
    assert page.locator(".failure").all_text_contents() == []
    assert page.locator("main *").count() < 4_000
    assert page.evaluate("window.injected") is None


def test_markdown_is_shown_as_it_is_meant(page: Any, served: Served) -> None:
    served.model.script(answers(MARKDOWN, size=3))
    ask(page, "Explain interest")
    wait_for_end(page)
    answer = page.locator(".prose")
    assert answer.locator("h3").text_content() == "Interest on 1,000"
    assert answer.locator("td.right").count() == 6
    assert answer.locator("ol > li").count() == 2
    assert answer.locator("ol ul > li").count() == 2
    assert answer.locator("pre").text_content().startswith("def amount(")
    assert answer.locator("blockquote a").get_attribute("href") == "https://example.org/interest"


def test_the_end_stays_in_view_until_the_reader_scrolls_up(page: Any, served: Served) -> None:
    step, end = threading.Event(), threading.Event()
    lines = Reply(tuple(delta(content=f"Line {number}.\n\n") for number in range(100)))
    served.model.script(
        lines + Reply((Until(step),)) + lines + says("Last.") + Reply((Until(end),))
    )
    ask(page, "Count")
    page.get_by_text("Line 99.").wait_for()
    wait_until(page, AT_END)
    page.mouse.wheel(0, -400)
    wait_until(page, f"!({AT_END})")
    step.set()
    page.get_by_text("Last.").wait_for()
    assert not page.evaluate(AT_END)
    end.set()
    wait_for_end(page)


def test_calls_are_approved_refused_and_edited(page: Any, served: Served) -> None:
    served.model.script(
        DELETE, answers("Gone."), DELETE, answers("Kept."), DELETE, answers("Done.")
    )
    ask(page, "Delete my notes")
    page.get_by_role("button", name="Run").click()
    wait_for_end(page)
    assert page.locator(".result").text_content() == "deleted notes.txt"

    ask(page, "Delete them again")
    page.get_by_role("button", name="Refuse…").click()
    page.get_by_label("Reason").fill("I need them.")
    page.get_by_role("button", name="Refuse", exact=True).click()
    wait_for_end(page, 2)
    assert "I need them." in served.model.requests[-1]["messages"][-1]["content"]
    assert page.locator(".call .state").last.text_content() == "refused"

    ask(page, "Delete the old ones")
    page.get_by_role("button", name="Edit arguments…").click()
    field = page.get_by_role("textbox", name="Arguments of delete")
    field.fill('{"path": ')
    page.get_by_role("button", name="Run with these").click()
    assert "not JSON" in page.get_by_role("alert").text_content()
    field.fill('{"path": "old.txt"}')
    page.get_by_role("button", name="Run with these").click()
    wait_for_end(page, 3)
    assert page.locator(".result").last.text_content() == "deleted old.txt"
    assert page.locator(".prose").last.text_content() == "Done."


def test_graphs_ask_for_decisions_and_for_text(page: Any) -> None:
    actions = [
        {"name": name, "arguments": {"n": 1}, "description": "", "decisions": KINDS}
        for name in ("a", "b", "c", "d")
    ]
    asked = [
        {"id": "1", "reason": "x", "metadata": {"streamchat": {"actions": actions}}},
        {"id": "2", "reason": "input_required", "message": "Which city?"},
    ]
    ends = [{"type": "interrupt", "interrupts": asked}, {"type": "success"}]
    sent = []

    def answer(route: Any) -> None:
        sent.append(route.request.post_data_json)
        event = json.dumps({"type": "RUN_FINISHED", "outcome": ends[len(sent) - 1]})
        route.fulfill(body=f"data: {event}\n\n", content_type="text/event-stream")

    page.route("**/agent", answer)
    ask(page, "Plan it")
    page.get_by_role("button", name="Run").click()
    page.get_by_role("button", name="Edit arguments…").click()
    page.get_by_role("textbox", name="Arguments of b").fill('{"n": 2}')
    page.get_by_role("button", name="Run with these").click()
    page.get_by_role("button", name="Refuse…").click()
    page.get_by_role("button", name="Refuse", exact=True).click()
    page.get_by_role("button", name="Answer for it…").click()
    page.get_by_role("textbox", name="What the agent gets").fill("4")
    page.get_by_role("button", name="Answer", exact=True).click()
    page.get_by_role("textbox", name="Your answer").fill("Bern")
    page.get_by_role("button", name="Answer", exact=True).click()
    wait_for_end(page)
    page.unroute("**/agent")
    decisions = [
        {"type": "approve"},
        {"type": "edit", "edited_action": {"name": "b", "args": {"n": 2}}},
        {"type": "reject"},
        {"type": "respond", "message": "4"},
    ]
    assert sent[1]["resume"] == [
        {"interruptId": "1", "status": "resolved", "payload": {"decisions": decisions}},
        {"interruptId": "2", "status": "resolved", "payload": "Bern"},
    ]


def test_everything_can_be_done_with_the_keyboard(page: Any, served: Served) -> None:
    served.model.script(DELETE, answers("Gone."), says("Hm") + _never())
    keyboard = page.keyboard
    for name in ("Dark", "New conversation", "Skip to the question"):
        keyboard.press("Shift+Tab")  # the question has the focus at the start
        assert page.evaluate("document.activeElement.textContent") == name
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    keyboard.press("Enter")
    keyboard.type("Delete")
    keyboard.press("Shift+Enter")
    keyboard.type("my notes")
    keyboard.press("Enter")
    page.locator(".asks h3:focus").wait_for()
    keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Run"
    keyboard.press("Enter")
    wait_for_end(page)
    assert served.model.requests[-1]["messages"][1]["content"] == "Delete\nmy notes"
    keyboard.type("And now?")
    keyboard.press("Enter")
    page.get_by_text("Hm").wait_for()
    keyboard.press("Escape")
    wait_for_end(page, 2)


def test_a_screen_reader_is_told_whole_things(page: Any, served: Served) -> None:
    page.evaluate(
        "window.told = 0; new MutationObserver(() => { told += 1; })"
        ".observe(document.querySelector('#status'), {childList: true})"
    )
    served.model.script(calls("add", NOTEBOOK_ARGUMENTS), answers("It is **20**. " * 30, size=2))
    ask(page, "What is 10 + 10")
    wait_for_end(page)
    assert "Answer: It is 20." in wait_until_said(page, "Answer: ")
    assert page.evaluate("told") <= 2


def test_axe_finds_no_fault(page: Any, served: Served) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="no axe-core")
    thought = Reply((delta(reasoning_content="Well."),))
    served.model.script(thought + calls("add", x=1, y=2), answers(MARKDOWN), DELETE)
    ask(page, "Explain interest")
    wait_for_end(page)
    ask(page, "Delete my notes")
    page.get_by_role("button", name="Edit arguments…").click()
    found = axe.Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def test_it_is_light_or_dark_and_fits_a_phone(chromium: Any, served: Served) -> None:
    pictures = []
    for scheme in ("light", "dark"):
        options = {"color_scheme": scheme, "viewport": {"width": 320, "height": 500}}
        with open_window(chromium, served, **options) as page:
            page.goto(served.url)
            pictures.append(page.screenshot())
            page.get_by_role("switch", name="Dark").press("Space")
            pictures.append(page.screenshot())
            assert page.evaluate("document.documentElement.scrollWidth") == 320
    light, darkened, dark, lightened = pictures
    assert light != dark
    assert darkened != light
    assert lightened != dark


def test_errors_are_one_clear_line(chromium: Any, page: Any, served: Served) -> None:
    served.model.script(fails(401, "the key is wrong"))
    ask(page, "Hi")
    wait_for_end(page)
    assert "the key is wrong" in page.locator(".failure").text_content()
    served.model.script(says("Hello."))
    page.get_by_role("button", name="Ask again").click()
    page.locator(".prose", has_text="Hello.").wait_for()
    wait_for_end(page)

    cut = {"body": 'data: {"type": "RUN_STARTED"}\n\n', "content_type": "text/event-stream"}
    page.route("**/agent", lambda route: route.fulfill(**cut))
    ask(page, "Hi")
    wait_for_end(page, 2)
    assert "The connection was lost" in page.locator(".failure").text_content()

    page.unroute("**/agent")
    with open_window(chromium, served) as stranger:
        stranger.goto(served.url)
        ask(stranger, "Hi")
        wait_for_end(stranger)
        assert "The server wants its token" in stranger.locator(".failure").text_content()


def test_a_busy_server_says_when_to_come_again(page: Any, served: Served) -> None:
    end = threading.Event()
    served.model.script(says("One") + Reply((Until(end),)), says("Two") + Reply((Until(end),)))
    second, third = page.context.new_page(), page.context.new_page()
    for each in (second, third):
        each.goto(served.door)
    try:
        for each, text in ((page, "One"), (second, "Two")):
            ask(each, "Hi")
            each.get_by_text(text).wait_for()
        ask(third, "Hi")
        wait_for_end(third)
        assert "The server is busy. Try again in" in third.locator(".failure").text_content()
    finally:
        end.set()
    for each in (page, second):
        wait_for_end(each)
        assert each.locator(".failure").count() == 0
    second.close()
    third.close()


def test_a_text_that_waits_for_more_is_left_alone(page: Any, served: Served) -> None:
    end = threading.Event()
    served.model.script(says("One **two**.") + Reply((Until(end),)))
    try:
        ask(page, "Hi")
        page.locator(".prose strong", has_text="two").wait_for()
        page.locator(".prose", has_text="One two.").wait_for()
        page.evaluate(COUNT_CHANGES)
        wait_until(page, "seen > 30")
        assert page.evaluate("changes") == 0
    finally:
        end.set()
    wait_for_end(page)
