"""Requests and pages: evidence and rules."""
