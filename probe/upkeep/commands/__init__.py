"""Parts that several commands are made of: locks, lists, feeds and progress of a run, exit statuses."""
