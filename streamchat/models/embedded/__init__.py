"""A language model that runs inside this process, behind llama.cpp's own HTTP server.

To everything else it is a server like any other. The runtime is imported only when a local model
is opened.
"""
