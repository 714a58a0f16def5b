"""An internet in a box: real TCP/IP stacks, real servers, and a path that can be told to censor.

The main path: `format` reads a scenario file, `draw` and `world` draw a laboratory from it and a seed, `laboratory`
builds it (`host`: namespaces and processes; `wire`: what connects them), `path` forwards between its legs with the
middlebox (`box`) on the way, `servers` answer, and `scoring` runs the probe inside and holds it against `truth`.
"""

__version__ = "0.2.0"
