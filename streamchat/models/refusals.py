"""Why a server refused a request, judged by its status and its own words."""

from __future__ import annotations

import json
import re
from typing import Any

import openai

from streamchat.models.providers.errors import ProviderStatusError
from streamchat.models.wire.body import summarize_markup
from streamchat.models.wire.complaint import find_message

_REFUSALS = (400, 404, 422, 500, 501)
# The wordings of vLLM, llama.cpp, Ollama, LM Studio, OpenRouter and others. Mentioning tools is
# not enough: a prompt may be too long "with its tools".
_NO_TOOLS = re.compile(
    r"tool[_ -]?choice|\btools? param|--jinja"
    r"|\b(tools?|functions?)\b.{0,60}\b(not|isn't|aren't|un)[ -]?(support|avail|allow|enabl)"
    r"|support.{0,20}\b(tools?|functions?)\b"
    r"|\b(un\w+|extra|invalid)\b.{0,60}\b(tools|functions)\b",
    re.DOTALL,
)
_NO_MODEL = re.compile(
    r"\bmodel\b.{0,200}\b(not found|not exist|unknown|invalid|unavailable|no such)"
    r"|\b(not found|no such|unknown|invalid)\b.{0,30}\bmodel\b",
    re.DOTALL,
)
_NO_QUOTA = re.compile(
    r"insufficient[ _](quota|balance|credit|fund)|exceeded your (current|monthly) quota"
    r"|billing_(hard_limit|not_active)|quota_exceeded"
)
_GENERIC_REASONS = ("", "unprocessable entity", "unprocessable content")


def read_server_message(error: BaseException) -> str:
    """Return the server's own words, wherever in the body they are; empty if there are none."""
    message = find_message(error.body) if isinstance(error, openai.APIError) else ""
    is_markup = message.lstrip().startswith("<")
    return summarize_markup(message) if is_markup else message.strip()


def read_complaint(error: BaseException) -> str:
    """Return the words about a request that was refused, in lower case; empty otherwise."""
    if _is_refused_by_library(error):
        return str(error).lower()
    refusal = _as_refusal(error)
    return read_server_message(refusal).lower() if refusal else ""


def read_sent_messages(error: BaseException) -> list[dict[str, Any]]:
    """Return the messages of the request that failed; none if there were none."""
    try:
        sent = json.loads(error.request.content) if isinstance(error, openai.APIError) else {}
    except (ValueError, RuntimeError):  # not JSON, or not kept
        return []
    messages = sent.get("messages") if isinstance(sent, dict) else None
    return [each for each in messages or [] if isinstance(each, dict)]


def refuses_tools(error: BaseException) -> bool:
    """Whether the request was refused because of the tools or the tool choice."""
    if _is_refused_by_library(error):
        return "tool_choice" in str(error)
    refusal = _as_refusal(error)
    if refusal is None:
        return False
    message = read_server_message(refusal).lower()
    if message in _GENERIC_REASONS:
        return refusal.status_code == 422
    return bool(_NO_TOOLS.search(message)) and "context" not in message


def is_unknown_model(error: BaseException) -> bool:
    """Whether the server has no model of the requested name."""
    if not isinstance(error, openai.APIStatusError) or error.status_code not in (400, 404):
        return False
    message = read_server_message(error).lower()
    return error.code == "model_not_found" or bool(_NO_MODEL.search(message))


def is_out_of_quota(error: openai.APIStatusError) -> bool:
    """Whether retrying is pointless because the account's quota or balance is used up."""
    if error.status_code not in (402, 403, 429):
        return False
    if isinstance(error, ProviderStatusError) and "retry-after" in error.response.headers:
        return False  # Google calls every limit a quota
    details = f"{error.code} {error.type} {read_server_message(error)}".lower()
    return error.status_code == 402 or bool(_NO_QUOTA.search(details))


def _is_refused_by_library(error: BaseException) -> bool:
    """Whether a provider's package knows that the provider would refuse the request."""
    return type(error) is ValueError and "support" in str(error)


def _as_refusal(error: BaseException) -> openai.APIStatusError | None:
    if isinstance(error, openai.APIStatusError) and error.status_code in _REFUSALS:
        return error
    return None
