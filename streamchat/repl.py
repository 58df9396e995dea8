"""The chat: read a line, do what it says, show it, and again."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Self, TextIO

import platformdirs
from prompt_toolkit import PromptSession
from prompt_toolkit.completion import WordCompleter
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.output.vt100 import Vt100_Output

from streamchat.agent import AgentExecutor
from streamchat.config import APP, ModelError, Settings, SettingsError, checked_setting
from streamchat.conversation import Stops, complain, complain_of, converse, prepare
from streamchat.echo import unechoed
from streamchat.models import open_model
from streamchat.safe import one_line, safe
from streamchat.signals import ENDING, end_for_sure, heeded
from streamchat.threads import in_daemon_thread
from streamchat.view import repaints
from streamchat.view.choose import Look, choose_view
from streamchat.view.progress import progress_on_stderr

PROMPT = "> "


class Repl:
    """Reads questions and commands until the user leaves.

    Args:
        executor: answers the questions and remembers them.
        settings: what a change of model starts from.
        look: how turns are shown.
    """

    def __init__(self, executor: AgentExecutor, settings: Settings, look: Look) -> None:
        self._executor = executor
        self._settings = settings
        self._look = look
        self._interactive = sys.stdin.isatty() and sys.stdout.isatty()
        self._stops = Stops(signal.SIGINT, linger=self._interactive)
        self._failed = False
        self._typed_back = ""
        """A line that could not be used, to be mended at the next prompt."""
        self._commands: dict[str, Callable[[str], Awaitable[None]]] = {
            "/help": self._help,
            "/clear": self._clear,
            "/history": self._history,
            "/model": self._model,
            "/tools": self._tools,
            "/verbose": self._verbose,
            "/quit": self._quit,
        }

    async def run(self) -> int:
        """Runs until the input ends, and returns the exit code.

        Raises:
            OSError: the output is gone.
        """
        read = self._prompt() if self._interactive else _line_of_stdin
        with _terminated_by_signals() as terminated:
            try:
                await prepare(self._executor, progress_on_stderr, self._stops)
                if self._interactive:
                    _say(f"streamchat with {self._executor.model_name}; /help lists the commands")
                while True:
                    line = await read()
                    self._stops.rest()
                    await self._dispatch(line)
            except EOFError:
                # Who types sees what failed; a script has only this to go by.
                return 1 if self._failed and not self._interactive else 0
            except asyncio.CancelledError:
                if not terminated:
                    raise
                return 128 + terminated[-1]

    def _prompt(self) -> Callable[[], Awaitable[str]]:
        if self._look.plain:
            os.environ["TERM"] = "dumb"  # so that prompt-toolkit moves no cursor, either
        session: PromptSession[str] = PromptSession(
            output=_output(),
            history=_history_file(),
            completer=WordCompleter(sorted(self._commands), sentence=True),
            complete_while_typing=False,
            key_bindings=_keys(),
        )

        async def read() -> str:
            default, self._typed_back = self._typed_back, ""
            while True:
                try:
                    return await session.prompt_async(PROMPT, default=default)
                except KeyboardInterrupt:
                    default = ""  # as in a shell: Ctrl-C gives a fresh line, Ctrl-D leaves

        return read

    async def _dispatch(self, line: str) -> None:
        text = line.strip()
        if not text:
            return
        name, _, argument = text.partition(" ")
        if not name.startswith("/") or "/" in name[1:]:
            await self._ask(text)
        elif command := self._commands.get(name):
            await command(argument.strip())
        else:
            self._typed_back = line
            complain(f"error: no command is called {name}; /help lists them")

    async def _ask(self, question: str) -> None:
        with unechoed():
            turn = await converse(
                self._executor,
                question,
                choose_view(self._look),
                self._stops,
                verbose=self._look.verbose,
            )
        complain_of(turn)
        if self._interactive:
            _say("")
        self._failed = self._failed or turn.status == "failed"

    async def _help(self, _: str) -> None:
        _say(
            "Type a question, Enter sends it, Alt-Enter begins a new line.\n"
            "Ctrl-C stops an answer, Ctrl-D leaves.\n"
            "/clear         forget the conversation\n"
            "/history       show the conversation\n"
            "/model [NAME]  show the model, or change it and keep the conversation\n"
            "/tools         list the tools\n"
            "/verbose       show every chunk as it comes, or no longer\n"
            "/quit          leave"
        )

    async def _clear(self, _: str) -> None:
        self._executor.chat_history.clear()
        _say("the conversation is forgotten")

    async def _history(self, _: str) -> None:
        for message in self._executor.chat_history:
            mark = PROMPT if message.type == "human" else ""
            _say(f"{mark}{safe(message.text)}")
        if not self._executor.chat_history:
            _say("nothing yet")

    async def _model(self, name: str) -> None:
        if not name:
            _say(self._executor.model_name)
            return
        try:
            settings = replace(self._settings, model=checked_setting("/model", "model", name))
            if settings.needs_key and self._interactive:
                unseen = PromptSession[str](output=_output())
                typed = await unseen.prompt_async("OpenAI API key: ", is_password=True)
                key = checked_setting("the key", "api_key", typed.strip())
                settings = replace(settings, api_key=key or None)
            # Loading takes a while, and signals are heard of in the loop.
            llm = await in_daemon_thread(open_model, settings, progress_on_stderr)
        except (ModelError, SettingsError) as error:
            complain(f"error: {error}")
            return
        except (KeyboardInterrupt, EOFError):  # at the prompt for the key
            return
        await self._executor.aclose()
        self._executor.use(llm)
        await prepare(self._executor, progress_on_stderr, self._stops)
        self._settings = settings
        _say(f"from now on {self._executor.model_name}")

    async def _tools(self, _: str) -> None:
        for tool in self._executor.tools:
            _say(f"{tool.name}({', '.join(tool.args)})  {one_line(tool.description)}")
        if not self._executor.tools:
            _say("none")

    async def _verbose(self, _: str) -> None:
        self._look = replace(self._look, verbose=not self._look.verbose)
        _say(f"verbose is {'on' if self._look.verbose else 'off'}")

    async def _quit(self, _: str) -> None:
        raise EOFError  # as Ctrl-D does


class _Output(Vt100_Output):
    """Writes on the terminal only what every other part of the program does.

    That is text, styles, cursor movement, erasing, and the cursor's and bracketed paste's modes.
    A terminal is not asked where its cursor is: it may be slow to answer, or never do, and the
    answer would be taken for keys.
    """

    @classmethod
    def on(cls, stream: TextIO) -> Self:
        """Returns the output to a terminal."""
        output = cls.from_pty(stream, term=os.environ.get("TERM"), enable_bell=False)
        assert isinstance(output, cls)
        return output

    @property
    def responds_to_cpr(self) -> bool:
        """Whether it is asked where its cursor is."""
        return False

    def get_rows_below_cursor_position(self) -> int:
        """Returns how many lines there are at least: that of the cursor."""
        return 1

    def show_cursor(self) -> None:
        """Shows the cursor, and leaves it to its user whether it blinks."""
        self.write_raw("\x1b[?25h")

    def hide_cursor(self) -> None:
        """Hides the cursor."""
        self.write_raw("\x1b[?25l")

    def cursor_backward(self, amount: int) -> None:
        """Moves the cursor to the left."""
        if amount:
            self.write_raw(f"\x1b[{amount}D")

    def disable_autowrap(self) -> None:
        """Does nothing: full lines are never followed by more text here."""

    def enable_autowrap(self) -> None:
        """Does nothing."""

    def reset_cursor_key_mode(self) -> None:
        """Does nothing: no other mode is ever set."""


def _output() -> _Output | None:
    """Returns the output to the terminal; prompt-toolkit has its own for a dumb one."""
    return _Output.on(sys.stdout) if repaints(sys.stdout) else None


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201  # a REPL prints


async def _line_of_stdin() -> str:
    line: str = await in_daemon_thread(sys.stdin.readline)
    if not line:
        raise EOFError
    return line


def _history_file() -> History:
    """Returns the history of lines typed, which only the user may read."""
    path = platformdirs.user_state_path(APP) / "history"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.chmod(0o600)
    except OSError:
        return InMemoryHistory()
    return FileHistory(path)


def _keys() -> KeyBindings:
    keys = KeyBindings()

    @keys.add("escape", "enter")
    def _new_line(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    return keys


@contextmanager
def _terminated_by_signals() -> Iterator[list[int]]:
    """A signal to end comes as a cancel, so that the terminal is left as it was found."""
    received: list[int] = []
    task = asyncio.current_task()
    loop = asyncio.get_running_loop()
    assert task

    def end(number: int) -> None:
        received.append(number)
        end_for_sure(number)
        task.cancel()

    for number in heeded(*ENDING):
        with suppress(RuntimeError, ValueError):
            loop.add_signal_handler(number, end, number)
    yield received
