"""One service in seven networks: one country fails alike, the other is served."""

import sys

import probe

probe.open_example("national-block").charts.draw_networks("wire").save(sys.argv[1])
