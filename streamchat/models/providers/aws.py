"""Recognizes the errors of botocore, the library below Amazon Bedrock, by their classes' names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_STATUSES = {
    "accessdenied": 403,
    "expiredtoken": 403,
    "unrecognizedclient": 403,
    "resourcenotfound": 404,
    "modeltimeout": 408,
    "throttling": 429,
    "toomanyrequests": 429,
    "validation": 400,
    "internalserver": 500,
    "serviceunavailable": 503,
}
"""By the beginnings of codes: errors within a stream come without a status."""
_CREDENTIALS = ("Credential", "Token", "ProfileNotFound", "LoginRefresh", "LoginToken")
_TWINS = {
    "ConnectTimeoutError": "ConnectTimeout",
    "ReadTimeoutError": "ReadTimeout",
    "ConnectionClosedError": "RemoteProtocolError",
    "EndpointConnectionError": "ConnectError",
    "ProxyConnectionError": "ProxyError",
    "SSLError": "ConnectError",
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that AWS refused.

    Attributes:
        status: as HTTP has it.
        code: AWS's own name for the reason.
        message: its words.
        wait: seconds to wait before a retry; empty if it does not say.
    """

    status: int
    code: str
    message: str
    wait: str = ""


def read_refusal(error: BaseException) -> Refusal | None:
    """Return what a `ClientError` says; None for any other error."""
    response: Any = getattr(error, "response", None)
    if not (_is_botocore(error) and isinstance(response, Mapping)):
        return None
    details, about = response.get("Error") or {}, response.get("ResponseMetadata") or {}
    code = str(details.get("Code", ""))
    status = about.get("HTTPStatusCode") or _find_status(code)
    wait = (about.get("HTTPHeaders") or {}).get("retry-after", "")
    return Refusal(int(status), code, str(details.get("Message", "")) or code, str(wait))


def lacks_credentials(error: BaseException) -> bool:
    """Whether the library has no valid credentials, so that nothing was sent."""
    return _is_botocore(error) and any(each in type(error).__name__ for each in _CREDENTIALS)


def find_twin(error: BaseException) -> str:
    """Return the name of the error of HTTPX for one of the connection; empty if it is none."""
    return _TWINS.get(type(error).__name__, "") if _is_botocore(error) else ""


def _find_status(code: str) -> int:
    found = (status for begin, status in _STATUSES.items() if code.lower().startswith(begin))
    return next(found, 500)


def _is_botocore(error: BaseException) -> bool:
    return any(each.__module__.partition(".")[0] == "botocore" for each in type(error).__mro__)
