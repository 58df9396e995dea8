"""Tools of MCP servers for the built-in agent: `--mcp`.

`mcp` and what it needs take seconds to import: the modules that do are imported in the thread in
which the servers' sessions live. Whatever a server says is data.
"""
