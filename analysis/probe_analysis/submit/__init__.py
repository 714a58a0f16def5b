"""Submits measurements, by hand, to a collector that the person named: what it takes is public for ever."""
