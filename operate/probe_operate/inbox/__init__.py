"""Inboxes that are no folder: what volunteers uploaded, listed and fetched from where it lies."""
