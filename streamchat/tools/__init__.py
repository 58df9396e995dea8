"""The tools a model can call, and how their arguments are checked and they are run.

A call is data from the model. The room must not know who asked for it or who sees its result.
"""

from streamchat.tools.arithmetic import ARITHMETIC
from streamchat.tools.calls import CallError, check_arguments, run_tool, to_sendable_arguments
from streamchat.tools.final_answer import final_answer, list_names
from streamchat.tools.results import to_text

TOOLS = (*ARITHMETIC, final_answer)
"""The default tools of an agent."""

__all__ = [
    "ARITHMETIC",
    "TOOLS",
    "CallError",
    "check_arguments",
    "final_answer",
    "list_names",
    "run_tool",
    "to_sendable_arguments",
    "to_text",
]
