"""What is measured: each subject is a module with a function that returns its figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from benchmark import blackhole, cells, chain, core, fifth, helper, importing, lists, pace, router, site_year, startup
from benchmark.figure import Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One line of questioning."""

    title: str
    measure: Callable[[], list[Figure]]
    needs_laboratory: bool = True


SUBJECTS: Mapping[str, Subject] = {
    "startup": Subject(
        title="what a run costs before its first packet", measure=startup.measure, needs_laboratory=False
    ),
    "packet": Subject(title="from the command to the first packet on the wire", measure=startup.measure_packet),
    "core": Subject(title="the core tier in a clean world, 50 ms round trip", measure=core.measure),
    "chain": Subject(title="64 https sites of different hosts, 300 ms round trip", measure=chain.measure),
    "fifth": Subject(title="every fifth service blocked, deadline 60 s", measure=fifth.measure),
    "blackhole": Subject(title="nothing answers, deadline 60 s", measure=blackhole.measure),
    "lists": Subject(title="lists of one's own, 50 ms round trip", measure=lists.measure),
    "pace": Subject(title="a timed run, as a schedule makes it", measure=pace.measure),
    "import": Subject(
        title="OONI's measurements, read and judged", measure=importing.measure, needs_laboratory=False
    ),
    "cells": Subject(
        title="from result rows to cells, as their number grows", measure=cells.measure, needs_laboratory=False
    ),
    "site": Subject(
        title="the public site of 20 countries, 50 services and a year", measure=site_year.measure,
        needs_laboratory=False
    ),
    "helper": Subject(
        title="a helper with 200 requests in flight, on loopback", measure=helper.measure, needs_laboratory=False
    ),
    "router": Subject(
        title="the laboratory's router, in packets a second", measure=router.measure, needs_laboratory=False
    ),
}
