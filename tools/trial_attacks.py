"""What people could do to volunteers in the tree before the trials began, and the test that refuses each now."""

from __future__ import annotations

from dataclasses import dataclass

BEFORE = "e21e1e87"
"""The last tree in which all of it could be done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """One of them."""

    deed: str
    before: str
    """What came of it in that tree, measured there."""
    file: str
    test: str
    """A function in that file."""


_LISTS, _MACHINE = "tests/catalogue/test_row_limits.py", "tests/cli/test_shared_machine.py"
_INBOX = "tests/operate/test_inbox_service.py"
ATTACKS = (
    Attack(deed=r"a signed list with the pattern `^(.+)+\x00$`",
           before="taken; 8 s for a reply of 26 bytes, 36 s for 28",
           file="tests/catalogue/test_reply_patterns.py",
           test="test_what_may_run_for_ever_or_is_no_pattern_is_refused"),
    Attack(deed="a list of 20,000 ports, of ports 22, 25 and 6379, of 3,000 mail servers, of 10,000 names in a zone",
           before="taken", file=_LISTS, test="test_a_list_that_aims_at_one_place_is_refused"),
    Attack(deed="a run with a deadline of 5 s that is stuck in C", before="still there after 45 s",
           file="tests/upkeep/test_run_watchdog.py", test="test_a_stuck_run_is_ended_and_the_next_one_starts"),
    Attack(deed="a lock that is a link", before="the file behind it was written over",
           file=_MACHINE, test="test_a_lock_that_is_a_link_writes_over_nobodys_file"),
    Attack(deed="a folder in which others may write", before="written into",
           file=_MACHINE, test="test_nothing_is_written_where_others_may_write"),
    Attack(deed="another user's `targets.csv` in the folder", before="used",
           file=_MACHINE, test="test_a_list_of_somebody_else_counts_only_where_it_is_named"),
    Attack(deed="a configuration that others may write", before="read",
           file=_MACHINE, test="test_a_configuration_that_others_may_change_is_not_read"),
    Attack(deed="pipes in a results folder", before="`report`, `verify`, `status` and `analyse` did not end",
           file=_MACHINE, test="test_no_pipe_holds_a_command_up"),
    Attack(deed="`PUT /inbox/sealed`, or another folder's name",
           before="201, and all later uploads into that folder 500",
           file=_INBOX, test="test_one_volunteer_takes_nobodys_place"),
    Attack(deed="360 MB sent to the inbox", before="all taken, in 13 s",
           file=_INBOX, test="test_a_day_has_so_many_bytes_and_files"),
    Attack(deed="pages behind the web server's policy", before="scripts of the explorer, report and fleet page refused",
           file="tests/operate/test_pages_behind_web_server.py", test="test_nothing_is_refused"),
    Attack(deed="a run's connections to one public resolver", before="57 at level 1, 87 at level 3",
           file="tests/lab/runs/test_lab_resolvers.py",
           test="test_a_run_burdens_public_resolvers_no_more_than_the_ethics_say"),
    Attack(deed="another base image under the same name", before="built upon",
           file="tests/project/test_distribution.py", test="test_the_container_holds_the_wheels_and_no_secret"),
)
