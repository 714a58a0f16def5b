"""What the analysis keeps of past days between two calls, for whoever makes it: start at `day_cache`."""
