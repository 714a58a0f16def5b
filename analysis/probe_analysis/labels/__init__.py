"""What others stated of blocks and outages, held beside the probabilities that were stored before.

Start with `label_table.py`, the format of such a file; `label_cells.py` finds the stored rows that a statement is
about, and `label_score.py` scores them.
"""
