"""The operating system and the interpreter: signals, terminal modes, standard streams, threads, the
event loop, imports.

It knows nothing of agents, views or sessions: another program could use it as it is.
"""
