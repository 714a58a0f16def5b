"""Cells: which files are read, which rows count, and what is counted of them."""
