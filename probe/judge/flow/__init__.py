"""Transfers, loss, and connections that last: evidence and rules."""
