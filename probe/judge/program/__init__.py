"""Hellos as people's programs send them: evidence and rules."""
