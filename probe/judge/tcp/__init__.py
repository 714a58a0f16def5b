"""Connections, and what else is seen at an address: evidence and rules."""
