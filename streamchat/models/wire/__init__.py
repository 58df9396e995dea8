"""From the bytes of a response to LangChain chunks, whatever the server made of the API.

`sse` and `body` decode, `normalize` reads the fields, `stream` does the I/O. It must not know what
becomes of a message.
"""
