"""One control feed of this place: measured, held against the last one, signed, written, and told of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from probe import __version__
from probe.catalogue.laboratory_marker import read_marker
from probe.config.settings import Settings
from probe.operation.commands.exit_codes import EXIT_FAILED, EXIT_NO_NETWORK
from probe.operation.commands.feed_summary import FeedReport, print_report
from probe.operation.commands.feed_writing import (
    FeedDestination,
    explain_collapse,
    read_last_feed,
    refuse,
    send_feed,
    write_feed_files,
)

if TYPE_CHECKING:
    from probe.catalogue.types import Catalogue


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishOrder(FeedDestination):
    """What is to be measured and published, and where."""

    catalogue: Catalogue
    tier: int
    deadline_s: float
    fast: bool


def publish_feed(order: PublishOrder) -> int:
    """Measure, compare, sign, write; the exit status. Raises StoreError."""
    from probe.control.feeds.feed_changes import list_feed_changes
    from probe.control.feeds.feed_document import FeedError
    from probe.control.feeds.feed_fit import fit_feed
    from probe.control.feeds.feed_learning import FeedMaker, explain_unfit_run, make_feed
    from probe.control.feeds.feed_left_out import list_left_out
    from probe.measurement.session.make_run import make_run
    from probe.measurement.session.run_plan import RunPlan
    from probe.measurement.session.selection import find_lacking_modules
    from probe.operation.commands.progress_bar import show_progress

    settings = _alone(order.settings)
    plan = RunPlan(deadline_s=order.deadline_s, fast=order.fast, trigger="timed", tier=order.tier, transfers=False,
                   everywhere=True, lab=read_marker().lab)
    with show_progress("Measuring") as progress:
        result = make_run(order.catalogue, settings, plan, progress=progress)
    if why := explain_unfit_run(result):
        return refuse(order, why, EXIT_NO_NETWORK)
    before = read_last_feed(order)
    frame = FeedMaker(name=order.name, asn=settings.vantage.asn, cc=settings.vantage.cc, software=__version__)
    try:
        made, bare = fit_feed(make_feed(result, order.catalogue, frame, before=before))
        if (why := explain_collapse(before, made)) and not order.force:
            return refuse(order, why, EXIT_FAILED)
        files = write_feed_files(order, made)
    except FeedError as error:
        return refuse(order, f"{error}.", EXIT_FAILED)
    left = list_left_out(result, order.catalogue, made, tier=order.tier, lacking=find_lacking_modules())
    print_report(FeedReport(made=made, bytes=len(files[-1][1]), runtime_s=result.run.runtime_s,
                            changes=list_feed_changes(before, made),
                            left_out=left, without_page=bare, file=order.file, key=order.key.public.name),
                 as_json=order.as_json)
    if order.upload:  # last: what is new is told once, and the next feed is held against this one
        send_feed(order, files)
    return 0


def _alone(settings: Settings) -> Settings:
    """The settings without what is not for a feed: nobody else is asked for it."""
    import msgspec

    return msgspec.structs.replace(settings, helper=(), matrix_server=(), feed=())
