"""The page engine of report, look and site: values become pages by templates, in one shell and one table of words.

Start with `engine.py`; `templates/` holds the layout, `tables.py` and `heat.py` the values that all pages share.
"""
