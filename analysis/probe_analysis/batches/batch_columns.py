"""What the columns of the tables mean that batches write beside the runs: the checks of application stores."""

from __future__ import annotations

from probe.store.column_meanings import FRAME, Words
from probe_analysis.tables.store_states import CHANGES, REASONS, STATES

_BATCH: Words = {
    "batch_id": ("", "Batch of lookups that this row belongs to, unique everywhere."),
    "probe_cc": ("ISO 3166-1 alpha-2", "Country from which the store was asked; ZZ when unknown."),
    "probe_asn": ("", "Autonomous system number of the network from which it was asked; 0 when unknown."),
    "lab": FRAME["lab"],
    "catalogue_version": FRAME["catalogue_version"],
    "software_version": FRAME["software_version"],
    "schema_version": FRAME["schema_version"],
    "store": ("", "Application store: app_store, google_play."),
    "storefront": ("ISO 3166-1 alpha-2", "Country whose storefront was asked for, in small letters."),
    "service": ("", "Messaging service."),
    "app": ("", "The application's number in the App Store, its package in Google Play."),
}

STORE_CHECKS: Words = {
    **_BATCH,
    "check_time": ("UTC, RFC 3339", "When the lookup ended, by the probe's clock; when the batch began, where there was"
                   " none."),
    "state": ("", "; ".join(f"{word}: {meaning}" for word, meaning in STATES.items()) + "."),
    "reason": ("", "Why nothing can be said. " + "; ".join(f"{word}: {text}" for word, (text, _) in REASONS.items())
               + "."),
    "status": ("", "HTTP status code; 0: no response was read."),
    "failure": ("", "How the lookup failed on the way, in OONI's words (df-007); empty where an answer came."),
    "controls_present": ("", "The store's own applications that it showed in this storefront, of those asked for."),
    "elsewhere": ("", "Other storefronts that showed the application in the same batch."),
    "outcome": ("", "For the role store of the service in this storefront: ok, down, blocked, inconclusive. What is"
                " absent is inconclusive until a removal is settled, and never blocked."),
    "block_type": ("", "Cause as a dotted path: server.delisted for what was removed; of a store that is blocked, what"
                   " the run found."),
    "evidence": ("", "`measurement_uid` of the verdict that found the store blocked."),
}

STORE_CHANGES: Words = {
    **_BATCH,
    "change": ("", "; ".join(f"{word}: {meaning}" for word, meaning in CHANGES.items())
               + ". By whom, the store does not say: a state, the operator or the store itself."),
    "before_time": ("UTC, RFC 3339", "The last check that saw it otherwise: the change came after it."),
    "after_time": ("UTC, RFC 3339", "The first of the checks that agree: the change came before it."),
    "settled_time": ("UTC, RFC 3339", "The check with which they were enough."),
    "checks": ("count", "Checks that agree, three at least, over more than six hours."),
}
