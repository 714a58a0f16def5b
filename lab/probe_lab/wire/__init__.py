"""Packets as bytes, and the legs that carry them."""
