"""The operating system: signals, terminal modes, standard streams, threads, the event loop.

It knows nothing of agents, views or sessions: another program could use it as it is.
"""
