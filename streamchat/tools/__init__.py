"""The tools a model can call, and how a call is run."""

from streamchat.tools.arithmetic import ARITHMETIC
from streamchat.tools.calls import CallError, check_arguments, run_tool, sendable_arguments
from streamchat.tools.final_answer import final_answer, list_names

TOOLS = (*ARITHMETIC, final_answer)
"""The tools an agent has if it is given no others."""

__all__ = [
    "ARITHMETIC",
    "TOOLS",
    "CallError",
    "check_arguments",
    "final_answer",
    "list_names",
    "run_tool",
    "sendable_arguments",
]
