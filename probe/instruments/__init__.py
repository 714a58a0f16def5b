"""Network operations, one observation each.

May import every room below it: `core`, `catalogue`, `config`, `judge`. Start with `steps.py` (what can be asked for)
and `visits/visit.py` (connect, shake hands, ask). Floors, bottom to top: `streams`, `names`, `datagrams`, `device`,
`packets`, `messengers`, `visits`, `hops`; nothing here judges.
"""
