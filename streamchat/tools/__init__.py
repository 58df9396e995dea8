"""The tools a model can call, and how a call is run."""

from streamchat.tools.arithmetic import ARITHMETIC
from streamchat.tools.calls import CallError, checked_arguments, run_tool, sendable_arguments
from streamchat.tools.final_answer import final_answer, names_of

TOOLS = (*ARITHMETIC, final_answer)
"""The tools an agent has if it is given no others."""

__all__ = [
    "ARITHMETIC",
    "TOOLS",
    "CallError",
    "checked_arguments",
    "final_answer",
    "names_of",
    "run_tool",
    "sendable_arguments",
]
