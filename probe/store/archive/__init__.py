"""The care of results over years: merge, keep within bounds, hand on, collect, forget."""
