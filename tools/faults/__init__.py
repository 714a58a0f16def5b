"""Errors of the operating system, put into each file call of a command in turn."""
