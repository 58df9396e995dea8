"""From the bytes of a response to LangChain chunks, however the server deviates from the API.

`sse` and `body` decode, `normalize` reads the fields into a `Delta`, `strict_chunk` makes it one of
LangChain's, `stream` does the I/O. It must not know what messages are used for.
"""
