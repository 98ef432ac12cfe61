"""The commands that a person types: they read arguments and the environment, print, and answer with an exit code."""
