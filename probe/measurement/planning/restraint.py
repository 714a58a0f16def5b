"""What a run leaves out at single sites, or of what costs much data, though the volunteer agreed to it. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from probe.catalogue.sites import Site
from probe.measurement.planning.flow_suspects import FlowFrame, flow_frame, glance_frame
from probe.measurement.planning.plan_context import Frame


def restrained(site: Site, frame: Frame) -> Frame:
    """The frame for one site: by turns, the hop and what stays behind are looked for there or not; and a small server
    is not asked again in later time slots."""
    share = frame.share
    if share is None:
        return frame
    thorough = any((e.target_id, e.tier) in share.thorough for e in site.endpoints)
    slots_s = () if any(e.service in share.gentle for e in site.endpoints) else frame.slots_s
    if (thorough, slots_s) == (frame.thorough, frame.slots_s):
        return frame
    return replace(frame, thorough=thorough, slots_s=slots_s)


def looks(frame: Frame) -> tuple[Callable[..., FlowFrame], ...]:
    """How the run looks at flows once all else is known: what is odd each time, as it follows a failure; what is well
    and merely small by turns; nothing where the line is metered."""
    if not frame.transfers:
        return ()
    return (glance_frame, flow_frame) if frame.share is None or frame.share.glances else (flow_frame,)
