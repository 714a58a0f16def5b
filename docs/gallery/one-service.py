"""The share of runs that found a service blocked, for each of its roles."""

import sys

import probe

probe.open_example("may-2017").charts.draw_service("wechat").save(sys.argv[1])
