"""The middlebox: what it sees, what sets it off, and what it does."""
