"""A small result that tests write and read back."""

from __future__ import annotations

from observations import observation
from probe.core.observations import ControlAnswer, Observation
from probe.core.places import Place
from probe.core.runs import Run, RunResult, Vantage
from probe.core.verdicts import ServiceVerdict, Verdict


def a_result(run_id: str = "r-1", time: str = "2017-05-04T06:12:00Z", *, text: str = "plain") -> RunResult:
    return RunResult(
        run=Run(run_id=run_id, measurement_start_time=time, vantage=Vantage(probe_cc="RU", probe_asn=64500)),
        observations=(
            observation(observation_id=f"{run_id}.1", sequence=1, run_id=run_id, target_id="a.chat.b", title=text,
                        operation="http_round_trip", answers=("192.0.2.1", text), clock_offset_s=0.5),
            Observation(observation_id=f"{run_id}.2", sequence=2, run_id=run_id, operation="connect"),
        ),
        controls=(ControlAnswer(control_id="c", input="https://a/", state="answered",
                                tcp=((Place("192.0.2.1", 443), ""),)),),
        verdicts=(Verdict(target_id="a.chat.b", service="a", role="chat", input="https://a/", outcome="ok"),),
        services=(ServiceVerdict(service="a", role="chat", outcome="ok", k=0, n=1),),
    )
