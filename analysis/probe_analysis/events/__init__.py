"""From cells to events: windows, what else explains them, and the log of events."""
