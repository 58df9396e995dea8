"""What the operating system makes necessary: signals, terminal modes, threads, the event loop.

It must not know what the program is for: no agents, no views, no sessions.
"""
