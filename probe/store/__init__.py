"""Results on disk: one immutable file a run and table, derived from one schema, and their care over years.

May import everything up to `controls`, in practice `core` alone. Start with `schema.py` (the tables), `row_codec.py`
(values and rows), `runs/run_writer.py` and `runs/run_reader.py`; `archive/` merges, bounds and forgets.
"""
