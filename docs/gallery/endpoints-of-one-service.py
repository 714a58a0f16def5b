"""Each endpoint of one service before, during and after a block of all of them."""

import sys

import probe

probe.open_example("may-2017").charts.draw_targets("wechat").save(sys.argv[1])
