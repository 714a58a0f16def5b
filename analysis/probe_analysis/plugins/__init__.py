"""Commands that stand on their own, one folder each: found by entry points, so nothing else imports them by name.

A command is in the group `probe.commands`; what it adds to `probe look` is in `probe_analysis.beside`
(`probe_analysis.look.beside_plugin`). No plug-in imports another.
"""
