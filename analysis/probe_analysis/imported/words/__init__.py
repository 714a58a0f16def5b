"""OONI's words beside ours, and the shapes of its files."""
