"""From the bytes of a response to LangChain chunks, however the server deviates from the API.

`sse` and `body` decode, `normalize` reads the fields, `stream` does the I/O. It must not know what
messages are used for.
"""
