"""One run: the ladder, the loop that takes due steps, and the verdicts at its end.

May import everything up to `instruments`. How controls are asked is handed in from above (`controls.py`). Start with
`make_run.py` (a whole run), `run_loop.py` (its one thread) and `planning/next_steps.py` (what is due, pure).
"""
