"""The user's own Python functions as tools of the built-in agent: `--tools`."""
