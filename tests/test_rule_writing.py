"""Rules about tools that the program writes into the configuration file."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from streamchat.config import SettingsError
from streamchat.config.rule_writing import add_rule, write_rule

RULE = '"delete" = "allow"\n'


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", f"[approval]\n{RULE}"),
        ("# mine\nmodel = 'm'", f"# mine\nmodel = 'm'\n\n[approval]\n{RULE}"),
        (
            '[approval]\n  "files.*" = "ask"  # always\n\n# end\n[profile.p]\n',
            f'[approval]\n  "files.*" = "ask"  # always\n  {RULE}\n# end\n[profile.p]\n',
        ),
        ("[approval]", "[approval]\n" + RULE.rstrip()),
        ("[approval]\r\nadd = 'ask'\r\n", f"[approval]\r\nadd = 'ask'\r\n{RULE[:-1]}\r\n"),
        ("[approval]\ndelete = 'ask' # why\n", '[approval]\ndelete = "allow" # why\n'),
        ("[approval]\n'delete'='deny'\nx='ask'\n", "[approval]\n'delete'=\"allow\"\nx='ask'\n"),
    ],
)
def test_a_rule_is_added_and_the_rest_stays(before: str, after: str) -> None:
    assert add_rule(before, "delete", "allow") == after


@pytest.mark.parametrize(
    "text", ["approval = {}\n", "approval.x = 'ask'\n", "x", "[approval]\ndelete = '''ask'''"]
)
def test_a_file_that_is_written_in_an_unusual_way_is_left_alone(text: str, tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        write_rule(path, "delete", "allow")
    advice = 'add it yourself under [approval]: "delete" = "allow"'
    assert str(caught.value) == f"{path}: {advice}"
    assert path.read_text() == text
    assert list(tmp_path.iterdir()) == [path]


def test_a_name_of_any_characters(tmp_path: Path) -> None:
    path = tmp_path / "new" / "config.toml"
    for name in ('a "b"\\\n', "größe.*", "x]"):
        write_rule(path, name, "allow")
    assert path.read_text() == (
        '[approval]\n"a \\"b\\"\\\\\\n" = "allow"\n"größe.*" = "allow"\n"x]" = "allow"\n'
    )
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_link_stays_one_and_the_mode_too(tmp_path: Path) -> None:
    file, link = tmp_path / "dotfiles.toml", tmp_path / "config.toml"
    file.touch(0o640)
    link.symlink_to(file)
    write_rule(link, "delete", "allow")
    assert (link.is_symlink(), file.read_text()) == (True, f"[approval]\n{RULE}")
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match=r"Not a directory|File exists"):
        write_rule(tmp_path / "file" / "config.toml", "delete", "allow")
