"""Network operations, one observation each, and the run that decides which come next.

May import every room below it: `core`, `catalogue`, `config`, `inference`. How controls are asked is handed in from
above (`session/controls.py`). Start with `session/make_run.py` (a whole run), `session/run_loop.py` (its one thread),
`planning/next_steps.py` (what is due, pure) and `visits/visit.py` (connect, shake hands, ask).
Floors, bottom to top: `planning`, `streams`, `names`, `datagrams`, `device`, `packets`, `messengers`, `visits`, `hops`,
`session`; nothing here judges.
"""
