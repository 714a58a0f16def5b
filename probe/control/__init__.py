"""Asking other vantages: the test-helper protocol, its client, and the helper that answers it."""
