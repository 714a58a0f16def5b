"""Small results of the laboratory that come with the package, so that a notebook runs anywhere.

`example_files.py` knows them; `python tools/example_data.py` makes them.
"""
