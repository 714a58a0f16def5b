"""A block of some addresses: each target of a service by itself."""

import sys

import probe

probe.open_example("telegram-partial").charts.draw_targets("telegram").save(sys.argv[1])
