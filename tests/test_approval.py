"""The rules about which calls run: pure."""

from __future__ import annotations

import re
from typing import Any, get_args

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from streamchat.agent.policy import make_policy
from streamchat.config import Settings
from streamchat.tools.approval import (
    IN_THIS_CHAT,
    Action,
    Rule,
    RulePolicy,
    Rules,
    Verdict,
    matches,
)

ACTIONS: tuple[Action, ...] = get_args(Action)
ALLOW, ASK, DENY = ACTIONS
NAMES = st.text("ab.", max_size=6)
PATTERNS = st.text("ab.*", max_size=6)


def rules(**actions: Action) -> list[Rule]:
    return [Rule(name.replace("_", "*"), action, name) for name, action in actions.items()]


RULES = st.lists(st.builds(Rule, PATTERNS, st.sampled_from(ACTIONS), st.just("r")), max_size=4)


@given(PATTERNS, NAMES)
@example("*", "")
@example("a*a", "a")
@example("ab*b.", "ab.")
def test_a_star_is_any_text(pattern: str, name: str) -> None:
    like = ".*".join(map(re.escape, pattern.split("*")))
    assert matches(pattern, name) is bool(re.fullmatch(like, name))


def test_only_a_star_is_special() -> None:
    assert not matches("file?", "files")
    assert not matches("[f]iles", "files")
    assert not matches("Files", "files")


def test_stars_take_linear_time() -> None:
    assert not matches("*a" * 5_000 + "*b", "a" * 50_000)


def test_without_a_rule_the_default_applies() -> None:
    assert Rules().judge("delete") == Verdict("ask")
    assert Rules().judge("add", "allow") == Verdict("allow")


@pytest.mark.parametrize(
    ("layer", "action"),
    [
        ({"_": ALLOW, "files_": ASK, "files.delete": DENY}, DENY),
        ({"files_": DENY, "files.delete": ALLOW}, ALLOW),
        ({"_delete": DENY, "files_": ALLOW}, DENY),  # it has more characters
        ({"files._": ALLOW, "_delete": DENY}, DENY),
        ({"other": DENY}, ASK),
    ],
)
def test_the_most_specific_rule_of_a_layer_decides(
    layer: dict[str, Action], action: Action
) -> None:
    assert Rules(file=rules(**layer)).judge("files.delete").action == action


@pytest.mark.parametrize("first", ACTIONS)
@pytest.mark.parametrize("second", ACTIONS)
def test_the_strictest_of_equally_specific_rules_decides(first: Action, second: Action) -> None:
    equal = [Rule("a*", first, "1"), Rule("*b", second, "2")]
    strictest = max(first, second, key=ACTIONS.index)
    assert Rules(file=equal).judge("ab").action == strictest
    assert Rules(command_line=equal).judge("ab").action == strictest


def test_the_command_line_comes_before_the_file() -> None:
    file = rules(search=DENY, delete=ALLOW)
    both = Rules(rules(search=ALLOW, delete=DENY), file)
    assert both.judge("search") == Verdict("allow", "search")
    assert both.judge("delete").action == DENY


def test_what_the_file_denies_by_name_is_not_allowed_by_a_star() -> None:
    file = rules(delete=DENY, search=ASK)
    assert Rules(rules(_=ALLOW), file).judge("delete").action == DENY
    assert Rules(rules(_=ALLOW), file).judge("search").action == ALLOW
    assert Rules(rules(delete=ALLOW), file).judge("delete").action == ALLOW


def test_a_project_can_only_be_stricter() -> None:
    project = rules(search=ASK, delete=DENY, add=ASK)
    file = rules(search=DENY, delete=ALLOW)
    assert Rules(file=file, project=project).judge("search").action == DENY
    assert Rules(file=file, project=project).judge("delete").action == DENY
    assert Rules(project=project).judge("add", "allow") == Verdict("ask", "add")
    assert Rules(rules(delete=ALLOW), file, project).judge("delete").action == ALLOW


@given(RULES, RULES, RULES, NAMES, st.sampled_from((ALLOW, ASK)))
def test_a_project_s_rules_never_loosen_anything(
    flags: list[Rule], file: list[Rule], project: list[Rule], name: str, default: Action
) -> None:
    without = Rules(flags, file).judge(name, default)
    with_project = Rules(flags, file, project).judge(name, default)
    assert ACTIONS.index(with_project.action) >= ACTIONS.index(without.action)


@given(RULES, RULES, NAMES)
def test_only_the_command_line_lifts_what_the_file_denies(
    flags: list[Rule], file: list[Rule], name: str
) -> None:
    if Rules(file=file).judge(name).action != DENY:
        return
    lifted = Rules(flags, file).judge(name).action != DENY
    assert not lifted or any(rule.matches(name) for rule in flags)


@given(RULES, st.permutations(range(4)), NAMES)
def test_the_order_of_rules_does_not_matter(file: list[Rule], order: list[int], name: str) -> None:
    shuffled = [file[at] for at in order if at < len(file)]
    assert Rules(file=file).judge(name).action == Rules(file=shuffled).judge(name).action


class TestPolicy:
    def test_built_in_tools_run(self) -> None:
        policy = RulePolicy(safe=["add"])
        assert policy.judge("add") == Verdict("allow")
        assert policy.judge("delete") == Verdict("ask")

    def test_what_the_user_always_allows_runs_from_then_on(self) -> None:
        policy = RulePolicy(Rules(project=rules(delete=ASK)))
        policy.remember("delete")
        assert policy.judge("delete") == Verdict("allow", IN_THIS_CHAT)
        assert policy.judge("search") == Verdict("ask")

    def test_what_is_allowed_in_a_fork_is_not_allowed_elsewhere(self) -> None:
        policy = RulePolicy()
        policy.remember("delete")
        fork = policy.fork()
        fork.remember("search")
        assert fork.judge("delete") == fork.judge("search") == Verdict("allow", IN_THIS_CHAT)
        assert policy.judge("search") == Verdict("ask")

    def test_what_a_rule_denies_stays_denied(self) -> None:
        policy = RulePolicy(Rules(file=rules(delete=DENY)))
        policy.remember("delete")
        assert policy.judge("delete").action == DENY

    def test_a_tool_of_a_server_has_another_name_in_rules(self) -> None:
        policy = RulePolicy(
            Rules(file=[Rule("files.*", "deny", "r")]), qualified={"read": "files.read"}
        )
        assert policy.judge("read").action == DENY
        assert policy.judge("files.write").action == DENY
        assert policy.judge("write").action == ASK


@pytest.mark.parametrize(
    ("settings", "verdict"),
    [
        ({"allow": ("search",)}, Verdict("allow", "--allow search")),
        ({"deny": ("s*",)}, Verdict("deny", "--deny s*")),
        ({"approval": (("search", "allow"),)}, Verdict("allow", '"search" = "allow"')),
        (
            {"project_approval": (("search", "deny"),)},
            Verdict("deny", '"search" = "deny" in .streamchat.toml'),
        ),
    ],
)
def test_a_verdict_names_the_rule_as_it_was_written(
    settings: dict[str, Any], verdict: Verdict
) -> None:
    assert make_policy(Settings(**settings)).judge("search") == verdict


def test_rules_of_the_command_line_that_match_no_tool() -> None:
    flags = rules(search=ALLOW, serch=ALLOW, files_=DENY)
    unused = Rules(flags, file=rules(other=DENY)).find_unused(["search", "delete"])
    assert [rule.pattern for rule in unused] == ["serch", "files*"]
