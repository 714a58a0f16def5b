"""Handshakes: their names, shapes and certificates; evidence and rules."""
