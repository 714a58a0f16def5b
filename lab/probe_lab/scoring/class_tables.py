"""Tables of classes, causes, bases and open answers, as every form of the score shows them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from probe.core.counted_words import count_things
from probe_lab.scoring.accusations import BasisCount, UndecidedCount
from probe_lab.scoring.calibration import Bin
from probe_lab.scoring.lost_targets import LostTarget
from probe_lab.scoring.odds_score import OddsScore
from probe_lab.scoring.score_run import Score
from probe_lab.scoring.situations import CENSORSHIP, INNOCENT, NamedCause, SituationScore
from probe_lab.scoring.user_score import UserScore

MOST_CLASSES = 400
"""Lines of a table of classes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CountTable:
    """A table of texts under a title."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def class_line(part: Score) -> str:
    """The figure of classes, which weighs more than that of verdicts."""
    found = part.classes
    if not found.tried:
        return "no class of innocents was tried"
    return (f"{found.accused} of {found.tried} classes of innocents (95 % sure of less than {found.upper95:.1%} of "
            "such classes)")


def undecided_line(part: Score) -> str:
    """How many verdicts decide nothing and are right all the same."""
    rows, open_ones = sum(u.rows for u in part.undecided), sum(u.undecided for u in part.undecided)
    return f"{open_ones} of {count_things(rows, 'verdict')} for which several outcomes are right decide nothing"


def count_tables(part: Score) -> tuple[CountTable, ...]:
    """All that hold any line."""
    tables = (
        _bases(part.basis), *_lost(part.users), _left_open(part.users.undecided), _accused(part.situations),
        _named(part.named), _twins(part.situations), _undecided(part.undecided), _look_alikes(part.situations),
        _rules(part.calibration_by_rule),
        _classes(part.calibration_by_class),
        _odds("Probabilities of failing targets, by class, all but twins", part.odds),
        _odds("Probabilities of failing twins, of which only the prior is right", part.odds_of_twins),
        _diagram(part.odds[-1:]),
    )
    return tuple(table for table in tables if table.rows)


def _lost(users: UserScore) -> Iterator[CountTable]:
    title = "Targets that users lost at least every second time"
    for about, counts in ((title, users.lost), (f"{title}, where the censor acts at random or at times",
                                                users.lost_at_times)):
        rows = tuple((each.cause, str(each.rows), str(each.called_ok), str(each.decided),
                      ", ".join(f"{got} {n}" for got, n in sorted(each.others.items()))) for each in counts)
        yield CountTable(title=about, head=("cause", "targets", "called ok", "decided right", "else"), rows=rows)


def _left_open(targets: Iterable[LostTarget]) -> CountTable:
    rows = tuple((each.scenario, each.target, each.cause, "at times" if each.at_times else "", each.said)
                 for each in targets)
    return CountTable(title="Lost targets that were not decided rightly",
                      head=("scenario", "target", "struck by", "when", "got"), rows=rows)


def _bases(counts: Mapping[str, BasisCount]) -> CountTable:
    rows = tuple((word, str(count.right), str(count.wrong)) for word, count in counts.items()
                 if count.right or count.wrong)
    return CountTable(title="What accusations rest on", head=("basis", "right", "wrong"), rows=rows)


def _accused(situations: Iterable[SituationScore]) -> CountTable:
    rows = tuple((each.id, str(each.tried), str(each.accused), f"{each.upper95:.0%}")
                 for each in situations if each.kind == INNOCENT and each.accused)
    return CountTable(title="Classes of innocents with an accusation",
                      head=("class", "trials", "with an accusation", "95 % bound"), rows=rows[:MOST_CLASSES])


def _named(causes: Iterable[NamedCause]) -> CountTable:
    rows = tuple(
        (each.cause, str(each.consent_level), "yes" if each.helpers else "no", str(each.rows),
         _share(each.named, each.rows), str(each.unplaced), str(each.suspected), _several(each.others))
        for each in causes)
    return CountTable(title="Censorship that was named, by cause",
                      head=("cause", "consent level", "helpers", "verdicts", "named", "unplaced", "rightly suspected",
                            "others"), rows=rows)


def _twins(situations: Sequence[SituationScore]) -> CountTable:
    """Of classes with an innocent alone: of all others the table by cause tells."""
    innocent = {each.id for each in situations if each.kind == INNOCENT}
    rows = tuple((each.id, str(each.rows), _share(each.named, each.rows), str(each.unplaced))
                 for each in situations if each.kind == CENSORSHIP and each.id in innocent and each.rows)
    return CountTable(title="Twins of innocents", head=("class", "verdicts", "named", "unplaced"),
                      rows=rows[:MOST_CLASSES])


def _undecided(counts: Iterable[UndecidedCount]) -> CountTable:
    rows = tuple((" or ".join(each.allowed), str(each.rows), str(each.undecided), _several(each.given))
                 for each in counts)
    return CountTable(title="What several right outcomes hide",
                      head=("right are", "verdicts", "undecided", "given"), rows=rows)


def _look_alikes(situations: Sequence[SituationScore]) -> CountTable:
    """From these the probe's own table is filled, which says how sure a rule may be."""
    innocents = [each for each in situations if each.kind == INNOCENT]
    rows = tuple(
        (look, str(len(alike)), str(sum(each.accused > 0 for each in alike)),
         ", ".join(each.id for each in alike if not each.accused))
        for look in sorted({look for each in innocents for look in each.looks})
        if (alike := [each for each in innocents if look in each.looks]))
    return CountTable(title="Classes of innocents that look like an action of censors",
                      head=("action", "classes", "with an accusation", "without"), rows=rows)


def _rules(bins: Iterable[Bin]) -> CountTable:
    """Rules that break their word alone: the others are in the JSON."""
    rows = tuple((b.kind, str(b.n), f"{b.mean_confidence:.3f}", f"{b.right:.1%}", f"{b.chance:.2g}")
                 for b in bins if b.word == "broken")
    return CountTable(title="Rules that are surer than they are right",
                      head=("rule", "verdicts", "mean confidence", "right", "chance"), rows=rows)


def _classes(bins: Iterable[Bin]) -> CountTable:
    rows = tuple((f"{b.low:.2f} to {b.high:.2f}", str(b.n), f"{b.mean_confidence:.3f}", f"{b.right:.1%}", b.word)
                 for b in bins)
    return CountTable(title="Rules in classes that were held out",
                      head=("promised by other classes", "rules and classes", "mean promise", "right", "word"),
                      rows=rows)


def _odds(title: str, scores: Iterable[OddsScore]) -> CountTable:
    rows = tuple((f"{s.prevalence:.0%}", f"{s.brier_skill:.2f}", f"{s.log_skill:.2f}",
                  f"{s.slope:.2f} ({s.slope_low:.2f} to {s.slope_high:.2f})", f"{s.error:.3f}", str(s.classes),
                  str(s.cases)) for s in scores)
    return CountTable(title=title, head=("prevalence", "Brier skill", "log skill", "slope (95 %)", "calibration error",
                                         "classes", "targets"), rows=rows)


def _diagram(scores: Sequence[OddsScore]) -> CountTable:
    rows = tuple((f"{b.said:.2f}", f"{b.true:.2f}", f"{b.weight:.0%}", str(b.cases))
                 for score in scores for b in score.diagram)
    of = "".join(f", at a prevalence of {score.prevalence:.0%}" for score in scores)
    return CountTable(title=f"Probabilities that were said, and what was so{of}",
                      head=("said", "so", "weight", "targets"), rows=rows)


def _share(count: int, of: int) -> str:
    return f"{count} ({count / of:.0%})"


def _several(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {word}" for word, count in counts.items())
