"""The same block as the service's roles show it."""

import sys

import probe

probe.open_example("telegram-partial").charts.draw_service("telegram").save(sys.argv[1])
