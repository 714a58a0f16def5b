"""One recording for each rule over requests and pages."""

from __future__ import annotations

from observations import EOF, RESET, TIMEOUT
from path_scenes import CONTRARY, FAILS_TOO, HERE, IN_CLEAR, REFUSED_PAGE, SERVED, scene
from probe.judge.common.fingerprint_weight import FingerprintMark
from probe.judge.http.refusal_evidence import AnswersElsewhere
from probe.judge.path.path_context import PathContext

PAGES: dict[str, PathContext] = {
    "http/restricted": scene(**REFUSED_PAGE, controls_asked=2, controls_answered=2,
                             elsewhere=AnswersElsewhere(served=1, refused=1)),
    "http/known_content": scene(secure=False, met="yes", content_known=True, **SERVED),
    "http/same_as_control": scene(secure=False, page_same=1, **SERVED),
    "http/too_slow": scene(stage="http", failure=TIMEOUT, proven=True, stops_alike=True, seeps=True, **CONTRARY),
    "http/known_redirect": scene(**IN_CLEAR | {"status": 302}, mark=HERE),
    "http/known_blockpage": scene(**IN_CLEAR, mark=HERE),
    "http/page_of_servers": scene(**IN_CLEAR, mark=FingerprintMark(harmless="challenge"), page_differs=1,
                                  controls_asked=1, controls_answered=1),
    "http/blockpage_known_elsewhere": scene(**IN_CLEAR | {"status": 403}, mark=FingerprintMark(name="box"),
                                            controls_asked=1, controls_answered=1, page_differs=1),
    "http/foreign_redirect": scene(**IN_CLEAR | {"status": 302}, foreign_redirect=True, page_differs=1,
                                   controls_asked=1, controls_answered=1),
    "http/foreign_page": scene(**IN_CLEAR, page_differs=1, controls_asked=1, controls_answered=1,
                               page_of_others=True),
    "http/page_varies": scene(**IN_CLEAR, page_differs=1, controls_asked=1, controls_answered=1),
    "http/forbidden_for_all": scene(**IN_CLEAR | {"status": 451}, page_same=1),
    "http/server_differs_for_all": scene(**IN_CLEAR, page_same=1),
    "http/cut_off_for_all": scene(stage="http", failure=EOF, status=200, **FAILS_TOO),
    "http/controls_fail_too": scene(stage="http", failure=RESET, **FAILS_TOO),
    "http/answered": scene(secure=False, **SERVED),
}
