"""The run's own packets, where it may capture them, and the volunteer taken out of them."""
