"""Results as a data set that others cite: its files, what describes them, and what changed since the last one.

`release_package.py` writes the folder; the other modules each make one kind of file in it.
"""
