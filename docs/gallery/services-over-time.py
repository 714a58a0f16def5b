"""Which services were blocked on a network, and when."""

import sys

import probe

probe.open_example("may-2017").charts.draw_services().save(sys.argv[1])
