"""The service that takes volunteers' uploads: begin with `inbox_app.py`, then `inbox_folder.py`."""
