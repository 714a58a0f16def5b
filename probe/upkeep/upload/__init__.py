"""Sends finished results to a place that the person named and agreed to, and to no other."""
