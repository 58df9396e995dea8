"""Films as SVG: animated by CSS, without scripts, with text that can be selected.

Each line of the terminal is drawn once for every look it takes, and shown for as long as it has
it. Lines keep their place on a long page, which moves up as the terminal scrolls.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

from rich.terminal_theme import DEFAULT_TERMINAL_THEME, SVG_EXPORT_THEME, TerminalTheme

from streamchat.text.sanitize import one_line
from streamchat.view.film import Frame, Size
from streamchat.view.film.screen import Look, Picture, Row, Run, draw_pictures

_CELL, _LINE, _FONT = 12.2, 24.4, 20
"""The width and height of a character, and the size of the font, as Rich draws them."""
_MARGIN, _TOP, _BOTTOM = 9, 41, 10
_HOLD = 3.0
"""Seconds for which the last picture stays before the film starts over."""
_DIM = 0.6
_PAGE = """\
<svg viewBox="0 0 {width:g} {height:g}" xmlns="http://www.w3.org/2000/svg">
<title>{title}</title>
<style>
{style}
</style>
<clipPath id="window"><rect width="{inner_width:g}" height="{inner_height:g}"/></clipPath>
<rect class="window" x="1" y="1" width="{frame_width:g}" height="{frame_height:g}" rx="8"/>
<circle cx="26" cy="22" r="7" fill="#ff5f57"/>
<circle cx="48" cy="22" r="7" fill="#febc2e"/>
<circle cx="70" cy="22" r="7" fill="#28c840"/>
<text class="title" x="{middle:g}" y="27">{title}</text>
<g transform="translate({margin} {top})" clip-path="url(#window)">
<g class="page" xml:space="preserve">
{lines}
</g>
</g>
</svg>
"""


@dataclass
class _Line:
    """A line of the page with one look, and the times at which that appears and disappears."""

    place: int
    row: Row
    changes: list[float] = field(default_factory=list)


def format_svg(frames: Iterable[Frame], size: Size, title: str) -> str:
    """Return the text of a file; the film starts over a moment after its end.

    For readers who want no motion, it is the last picture.
    """
    pictures = draw_pictures(frames, size)
    lines, seconds = _find_lines(pictures), pictures[-1].at + _HOLD
    height = min(size.lines, 1 + max((line.place for line in lines), default=0))
    inner_width, inner_height = size.columns * _CELL, height * _LINE
    width, full_height = inner_width + 2 * _MARGIN, inner_height + _TOP + _BOTTOM
    looks = {look: f"s{at}" for at, look in enumerate(_list_looks(lines))}
    rules = [*_format_rules(looks, seconds), _format_scrolling(pictures, seconds)]
    drawn = []
    for at, line in enumerate(lines):
        name = f"l{at}" if _moves(line) else ""
        rules += [_format_keyframes(name, line, seconds)] if name else []
        drawn.append(_format_line(line, name, looks))
    return _PAGE.format(
        width=width,
        height=full_height,
        title=escape(one_line(title)),
        style="\n".join(filter(None, rules)),
        inner_width=inner_width,
        inner_height=inner_height,
        frame_width=width - 2,
        frame_height=full_height - 2,
        middle=width / 2,
        margin=_MARGIN,
        top=_TOP,
        lines="\n".join(drawn),
    )


def _find_lines(pictures: Sequence[Picture]) -> list[_Line]:
    """Return the lines of the page in order of their places, each with when it is to be seen."""
    lines: dict[tuple[int, Row], _Line] = {}
    shown: dict[int, _Line] = {}
    for picture in pictures:
        for number, row in enumerate(picture.rows):
            place = picture.scrolled + number
            before = shown.get(place)
            if before and before.row == row:
                continue
            if before:
                before.changes.append(picture.at)
                del shown[place]
            if row:
                line = lines.setdefault((place, row), _Line(place, row))
                line.changes.append(picture.at)
                shown[place] = line
    return sorted(lines.values(), key=lambda line: line.place)


def _moves(line: _Line) -> bool:
    return line.changes != [0.0]


def _is_last(line: _Line) -> bool:
    """Whether a line is to be seen at the end."""
    return len(line.changes) % 2 == 1


def _list_looks(lines: Iterable[_Line]) -> list[Look]:
    return list(dict.fromkeys(run.look for line in lines for run in line.row))


def _format_rules(looks: Mapping[Look, str], seconds: float) -> Iterator[str]:
    yield _format_theme(SVG_EXPORT_THEME, looks)
    yield f"@media (prefers-color-scheme:light){{{_format_theme(DEFAULT_TERMINAL_THEME, looks)}}}"
    yield f".page{{font:{_FONT}px Fira Code,monospace}}"
    yield ".page text{white-space:pre}"
    yield ".title{font:bold 18px arial;text-anchor:middle}"
    for look, name in looks.items():
        yield f".{name}{{{_format_look(look)}}}"
    yield f".page,.m{{animation:{seconds:g}s step-end infinite}}"
    yield ".m{visibility:hidden}.e{visibility:visible}"
    yield "svg:hover .page,svg:hover .m{animation-play-state:paused}"
    yield "@media (prefers-reduced-motion:reduce){.page,.m{animation:none}}"


def _format_theme(theme: TerminalTheme, looks: Iterable[Look]) -> str:
    """Return the colors of a window that are needed."""
    numbers = sorted({look.color for look in looks if isinstance(look.color, int)})
    colors = {f".c{each}": f"fill:{theme.ansi_colors[each].hex}" for each in numbers}
    front, back = theme.foreground_color.hex, theme.background_color.hex
    colors |= {"text": f"fill:{front}", ".window": f"fill:{back};stroke:{front};stroke-opacity:.35"}
    return "".join(f"{name}{{{rule}}}" for name, rule in colors.items())


def _format_look(look: Look) -> str:
    lines = [*(["underline"] if look.underline else []), *(["line-through"] if look.strike else [])]
    rules = {
        "fill": look.color if isinstance(look.color, str) else "",
        "fill-opacity": f"{_DIM:g}" if look.dim else "",
        "font-weight": "bold" if look.bold else "",
        "font-style": "italic" if look.italic else "",
        "text-decoration": " ".join(lines),
    }
    return ";".join(f"{name}:{value}" for name, value in rules.items() if value)


def _format_scrolling(pictures: Sequence[Picture], seconds: float) -> str:
    """Return how the page moves; at rest it shows its end."""
    if not pictures[-1].scrolled:
        return ""
    steps, before = [], -1
    for picture in pictures:
        if picture.scrolled != before:
            before = picture.scrolled
            steps.append(f"{_share(picture.at, seconds)}{{{_move(before)}}}")
    return f".page{{animation-name:page;{_move(before)}}}@keyframes page{{{''.join(steps)}}}"


def _move(lines: int) -> str:
    return f"transform:translateY({-lines * _LINE:g}px)"


def _format_keyframes(name: str, line: _Line, seconds: float) -> str:
    states = ["visible", "hidden"]
    steps = [
        f"{_share(at, seconds)}{{visibility:{states[number % 2]}}}"
        for number, at in enumerate(line.changes)
    ]
    first = [] if line.changes[0] == 0 else ["0%{visibility:hidden}"]
    return f".{name}{{animation-name:{name}}}@keyframes {name}{{{''.join([*first, *steps])}}}"


def _share(at: float, seconds: float) -> str:
    return f"{100 * at / seconds:.3f}".rstrip("0").rstrip(".") + "%"


def _format_line(line: _Line, name: str, looks: Mapping[Look, str]) -> str:
    classes = [*(["m", name] if name else []), *(["e"] if name and _is_last(line) else [])]
    spans = "".join(_format_run(run, looks[run.look]) for run in line.row)
    attribute = f' class="{" ".join(classes)}"' if classes else ""
    return f'<text{attribute} y="{line.place * _LINE + _FONT:g}">{spans}</text>'


def _format_run(run: Run, name: str) -> str:
    color = f" c{run.look.color}" if isinstance(run.look.color, int) else ""
    width = f'x="{run.column * _CELL:g}" textLength="{run.width * _CELL:g}"'
    return f'<tspan class="{name}{color}" {width}>{escape(run.text, quote=False)}</tspan>'
