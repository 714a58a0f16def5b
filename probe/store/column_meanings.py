"""What every column of the results means, and in which unit: one table, keyed by results table and column.

Names and types come from the dataclasses of `probe.core`; the words are here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping

Words = Mapping[str, tuple[str, str]]
"""Column -> (unit or empty, meaning)."""

FRAME: Words = {
    "run_id": ("", "Run that this row belongs to."),
    "measurement_uid": ("", "The measurement within its run: `<run_id>.<target_id>`, of a service"
                            " `<run_id>.<service>.<role>`; the run alone where a row serves several targets."),
    "measurement_start_time": ("UTC, RFC 3339", "When the run began, by the probe's clock."),
    "probe_id": ("", "Hash of the month's public key: it tells one installation's rows apart, and changes every month."
                 " Such a name begins with `k`; older ones, of unsigned runs, are hexadecimal."),
    "probe_cc": ("ISO 3166-1 alpha-2", "Country of the network that was measured; ZZ when unknown. What the person"
                 " stated, else what the table says."),
    "probe_asn": ("", "Autonomous system number of the network that was measured; 0 when unknown. What the person"
                  " stated, else what the table says, of IPv4 first."),
    "geo_db_date": ("date", "Day on which the table of countries and networks was made that the run looked into; empty:"
                    " it looked into none."),
    "lab": ("", "True for rows made in the laboratory: they say nothing about any real network."),
    "catalogue_version": ("", "Version or hash of the list of targets."),
    "rules_version": ("", "Version of the rules that judged."),
    "software_version": ("", "Version of the probe."),
    "schema_version": ("", "Version of these columns."),
}

_DNS: Words = {
    "dns_engine": ("", "How the name was asked: system, udp, tcp, doh, dot."),
    "resolver": ("", "Who was asked: system, network, public, trusted, dark."),
    "resolver_address": ("", "Address of the resolver that was asked; empty for the system's own. `near`: it lies "
                         "in the volunteer's own network; `provider`: close to the volunteer's own address, or in "
                         "imported runs in the network that measured."),
    "query_type": ("", "DNS record type that was asked for."),
    "rcode": ("", "DNS response code (RFC 1035, RFC 6895)."),
    "answers": ("", "Addresses in the accepted answer."),
    "cnames": ("", "Canonical names on the way to the answer, in order."),
    "answer_ttl_s": ("s", "Time to live of the answer; -1 when there was none."),
    "authoritative": ("", "The reply carried the AA flag."),
    "ede": ("", "Extended DNS errors as `code text` (RFC 8914)."),
    "dns_flags": ("", "Flags of the accepted reply: QR, AA, TC, RD, RA, AD, CD (RFC 1035, RFC 4035); empty: unknown."),
    "authority_records": ("", "Records in the authority section of the accepted reply; -1: unknown."),
    "soas": ("", "SOA records of the accepted reply, of each section the first, as `section|TTL|minimum|serial|owner`: "
             "of a denial the zone that denies (RFC 2308)."),
    "https_records": ("", "HTTPS records of the accepted reply, where these were asked for, as `priority|bytes of keys "
                      "for Encrypted ClientHello|numbers of parameters|protocols|target` (RFC 9460); priority -1: it "
                      "could not be read. Their address hints are in `answers`. Empty in older files."),
    "replies": ("", "Every reply to the one question in order of arrival: `delay_ms|IP TTL|flags|answers`. Of a trace: "
                "`TTL word delay_ms router`, the router as a hash that means something within its run alone; of a "
                "search for a hop also the router's address space and the IP TTL of an answer; a packet that was "
                "acknowledged before something acted has two lines. Of a "
                "version of QUIC that does not exist: the versions that the server offers instead."),
}

_TLS: Words = {
    "sni": ("", "Server name in the ClientHello (RFC 6066); empty: none was sent."),
    "alpn": ("", "Application protocol that was agreed (RFC 7301)."),
    "tls_version": ("", "TLS version that was agreed."),
    "cipher": ("", "Cipher suite that was agreed."),
    "tls_alert": ("", "Number of the alert that was received (RFC 8446, section 6); -1: none."),
    "hello_bytes": ("bytes", "Length of the ClientHello as sent."),
    "acked": ("", "Whether the peer's TCP acknowledged the ClientHello, or the request, or after the last page "
                  "the end of our stream: yes, no, or unknown."),
    "server_hello": ("", "A ServerHello or an alert was read: the name reached a TLS server."),
    "ja4": ("", "JA4 fingerprint of the ClientHello."),
    "shape": ("", "Shape of the ClientHello: browser, small, narrow, split, large, ech, or a program's: chrome,"
                  " firefox, conscrypt, conscrypt_large, openssl, openssl_small, safari; empty: the library's own."),
    "segments": ("", "TCP segments that carried the ClientHello; of a transfer, those sent and received; of "
                     "small records, those both ways when the last that was acknowledged had been sent; 0 when "
                     "unknown."),
    "chain": ("", "SHA-256 of the SubjectPublicKeyInfo of each certificate presented, leaf first."),
    "trust": ("", "valid, or why not: expired, not_yet_valid, self_signed, unknown_issuer, device_root (signed by a "
                  "root that stands in this device's store alone), wrong_name, invalid."),
    "issuer": ("", "Issuer of the leaf certificate."),
    "subject": ("", "Subject of the leaf certificate."),
}

_HTTP: Words = {
    "url": ("", "URL that was requested."),
    "method": ("", "HTTP method."),
    "host_header": ("", "Host header that was sent."),
    "status": ("", "HTTP status code; 0: no response was read."),
    "location": ("", "Location header of the response."),
    "title": ("", "Title of the page."),
    "server": ("", "Server header of the response."),
    "header_names": ("", "Names of the response's headers, in order."),
    "body_bytes": ("bytes", "Length of the decoded body as far as it was read."),
    "body_sha256": ("", "SHA-256 of the decoded body as far as it was read."),
    "body_truncated": ("", "The body was longer than what was read."),
    "body_excerpt": ("", "Beginning of the body, where it helps to tell a block page."),
    "met_expectation": ("", "Whether the answer was the genuine service's: yes, no, or empty when nothing was"
                            " expected."),
    "mismatch": ("", "What was not as expected."),
    "fingerprint": ("", "Name of the known answer or page that an answer, a redirect or a page matched."),
    "fingerprint_scope": ("", "Scope of that fingerprint (fp: a known false positive), then its countries."),
    "clock_offset_s": ("s", "Server's Date minus the probe's clock; empty where no Date was seen."),
}

_APP: Words = {
    "protocol": ("", "Messenger's protocol whose first words were said on this connection, or innocent_http."),
    "proof": ("", "What the reply to them proves: proven, answered, refused, foreign; empty: nothing was heard."),
    "reply_bytes": ("bytes", "Length of the reply as far as it was read."),
    "reply_head": ("hexadecimal", "First bytes of the reply, where they hold nothing personal."),
}

OBSERVATIONS: Words = {
    "observation_id": ("", "`<run_id>.<sequence>`; what the `evidence` of a verdict names."),
    "sequence": ("", "Number of the operation within its run."),
    "target_id": ("", "Target that was measured; empty for what serves several targets."),
    "input": ("", "URL of the endpoint in the catalogue."),
    "purpose": ("", "Why it was done: target, innocent, residual, port, trusted, shape, program, foreign, ladder, dark,"
                    " version, sample, yardstick, redirect, trace, reference, neighbour, locate, aside,"
                    " again, turn, beside, stay, zone, https."),
    "attempt": ("", "1 for the first try of this operation, 2 for the second."),
    "planned": ("", "Of a connection to the target: planned beforehand, whatever those before it met; shares of failure"
                    " count these alone. False also in older rows, whose first attempt was planned."),
    "operation": ("", "resolve, dns_round_trip, connect, tls_handshake, app_round_trip, http_round_trip, trace,"
                      " quic_handshake, quic_version, stun_binding, udp_trace, transfer."),
    "failure": ("", "How it failed, in OONI's words (df-007); empty on success."),
    "reason": ("", "Why this was not attempted; empty when it was."),
    "tainted_by": ("", "Observation whose failure may have caused this one (residual blocking);"
                       " such a row convicts nobody."),
    "t0_s": ("s", "Start, on the run's monotonic clock; below 0 in imported runs: a measurement of the day before."),
    "t_s": ("s", "End, on the run's monotonic clock."),
    "hostname": ("", "Name that was asked for or connected to."),
    "address": ("", "Address of the remote end; never the volunteer's."),
    "address_source": ("", "Where the address came from: system, network, public, doh, control, literal."),
    "port": ("", "Port of the remote end; 0: none."),
    "family": ("", "IP version, 4 or 6; 0: none."),
    **_DNS,
    "icmp": ("", "`type/code sender` of an ICMP error that ended the attempt; the sender is `service` (the address"
                 " itself) or the space it lies in: private, carrier or public."),
    "packets": ("", "The decisive packets of the connection or question, where packets could be captured, each"
                " `delay_ms|in or out|IP TTL|IP ID|DF|flags|seq|ack|window|length`; of a visit they stand with its last"
                " operation. Numbers count from each side's first; -1: no such field; `icmp type/code` and whether the"
                " address itself sent it stand for the flags of an ICMP error."),
    **_TLS,
    **_HTTP,
    "requests": ("", "Requests of a series over UDP, a repeat counted once more; in a QUIC handshake the PINGs"
                     " after it."),
    "responses": ("", "How many of them were answered."),
    **_APP,
    "bytes_written": ("bytes", "Bytes sent in this operation, above TCP or UDP."),
    "bytes_read": ("bytes", "Bytes received in this operation, above TCP or UDP."),
    "flow_s": ("s", "Of a transfer: from the established connection to the last byte that came; of a page whose "
               "time was up: from its request; of a stay: how long it lasted; of small records: from the first to "
               "the last acknowledgement."),
    "bins": ("bytes", "Of a transfer: bytes that came in each half second, TLS included."),
    "left_out_bytes": ("bytes", "Of a search for a hop: so many bytes at the end of what had failed were not said; 0 "
                       "also where it is not known."),
    "min_rtt_ms": ("ms", "Shortest round trip that TCP had measured on the connection when the operation ended, also by"
                         " a reset; 0 where the system does not tell, and in older rows of all but transfers."),
    "end_ms": ("ms", "From just before the operation's first bytes were sent until the first byte of an answer, or the"
                     " end of the connection, came; 0: nothing came, something came before, or not written down."),
    "retransmits": ("count", "TCP segments that had been sent again on the connection when the operation ended, SYNs"
                             " included; of the last operation: when the connection was closed; 0 also where the"
                             " system does not tell."),
    "segments_out": ("count", "In the last row of a connection: TCP segments sent on it until it was closed, SYN,"
                              " repeats and bare acknowledgements included; 0: not told, and in older rows."),
    "delivered": ("count", "In the same row: segments with a SYN, data or an end that the other side acknowledged."),
    "mean_rtt_ms": ("ms", "In the same row: TCP's running mean of the round trips (RFC 6298); 0: not told."),
    "out_of_order": ("count", "In the same row: segments with data that came before one that belongs in front of them,"
                              " which was late, or lost and sent again; 0: none, not told, and in older rows."),
    "receive_mss": ("bytes", "Of a transfer: about the size of the largest TCP segment that came; 0 when unknown."),
    "rounds": ("count", "Of a transfer: how often requests were sent when all before were answered: round trips;"
               " of a stay: exchanges that were answered; of small records: those that were acknowledged."),
}

CONTROLS: Words = {
    "control_id": ("", "Vantage that was asked what it sees of the endpoint."),
    "asn": ("", "Autonomous system number of the control vantage; 0 when unknown."),
    "cc": ("ISO 3166-1 alpha-2", "Country of the control vantage."),
    "networks": ("", "How many networks, in as many countries, its word is of: 1 for one vantage; of a crowd's feed as"
                     " many as it tells, rounded down."),
    "input": ("", "URL of the endpoint in the catalogue."),
    "source": ("", "helper: asked at that moment; feed: it stood in a signed file, measured before; public: a public"
               " network of probes that was asked at that moment."),
    "age_s": ("s", "Of a feed: how long before it had been measured; negative where it is dated after our own clock."),
    "before": ("", "Of a feed: no earlier run had failed when it was measured, so that what worked then may have failed"
                   " since and convicts nobody."),
    "state": ("", "answered, failed (the control could not be asked), or refused; of a feed whose word does not count"
                  " (old, unclear, nothing of this endpoint), refused."),
    "reason": ("", "Why there is no answer; of one that is there, busy where the control left something out"
                   " for its load, else empty."),
    "t0_s": ("s", "When it was asked, on the run's monotonic clock."),
    "t_s": ("s", "When it had answered, on the run's monotonic clock."),
    "dns_failure": ("", "How resolving failed at the control; empty on success."),
    "addresses": ("", "Addresses that the control resolved."),
    "tcp": ("", "`ip:port=failure` of each connection the control made; nothing after `=`: it worked."),
    "tls": ("", "`ip:port=failure` of each TLS handshake the control made; nothing after `=`: it worked."),
    "udp": ("", "`ip:port=failure` of each QUIC handshake or STUN binding the control made; nothing after `=`: it"
                " worked."),
    "leaf_keys": ("", "`ip:port=SHA-256` of the leaf certificate's SubjectPublicKeyInfo."),
    "ja4s": ("", "`ip:port=JA4` of the ClientHello with which the control shook hands, where it tells."),
    "app": ("", "`ip:port=word` of each messenger's own first words that the control said: the proof in the answer, or"
            " the failure."),
    "shapes": ("", "`ip:port=shape word` of each ClientHello in the shape of a program that the control sent: answered,"
               " or the failure."),
    "served_in": ("", "`ip:port=country` of each country in which somebody is served there, where the control has lines"
                  " in several; empty in older files."),
    "http_failure": ("", "How HTTP failed at the control; none (empty cell) when it was not asked for,"
                         " the empty text when it worked."),
    "http_status": ("", "HTTP status code at the control; 0: no response."),
    "http_title": ("", "Title of the page at the control."),
    "http_body_bytes": ("bytes", "Length of the body at the control."),
    "http_header_names": ("", "Names of the response's headers at the control."),
    "http_location": ("", "Location header at the control."),
    "volume_failure": ("", "How a transfer ended at the control; none (empty cell) when it was not asked for,"
                           " the empty text when it worked."),
    "volume_bytes": ("bytes", "Bytes that came in the transfer, TLS included."),
    "volume_s": ("s", "From the established connection to the last of them."),
}

VERDICTS: Words = {
    "target_id": ("", "Target that is judged: a stable name for one role of a service."),
    "service": ("", "Messaging service."),
    "owner": ("", "Who runs what the target is asked of, by the table of owners; an application store's page is the"
                  " store's. Empty: not known, as in rows of before this column."),
    "role": ("", "Part of the service: chat, api, web, media, call, push, register, store, download, control."),
    "input": ("", "URL of the endpoint in the catalogue."),
    "outcome": ("", "ok, blocked, down, network, local, inconclusive, or not_attempted. Count neither of the"
                    " last two as ok or as blocked."),
    "block_type": ("", "Cause as a dotted path, as deep as the evidence supports and no deeper."),
    "also": ("", "Further causes found behind the first."),
    "basis": ("", "Why an accusation cannot be the service's own deed: packets, place, time, content or company; the"
                  " strongest of those that the run has. Empty where nothing is accused, and in rows of rules before"
                  " 19."),
    "suspected": ("", "Of inconclusive.unplaced: the cause that would be named if anything showed that the service's"
                      " own front is not it."),
    "confidence": ("0 to 1", "How sure the rule is of its own judgement; not a probability."),
    "p_ok": ("0 to 1", "Probability that nothing keeps people from the target; it, `p_blocked`, `p_service`,"
                       " `p_network` and `p_local` add up to 1. By the laboratory's odds, which hold there alone. Empty"
                       " where nothing was tried, and in rows from before these columns."),
    "p_blocked": ("0 to 1", "Probability that somebody on the way interferes with it. Never count it as a block."),
    "p_service": ("0 to 1", "Probability that the service, or its own front, fails or refuses."),
    "p_network": ("0 to 1", "Probability that the whole network, or the way to many, is at fault."),
    "p_local": ("0 to 1", "Probability that the device or the household is."),
    "if_blocked": ("", "The most probable cause if somebody interferes: conditional, never a count of blocks. Empty"
                       " where `p_blocked` is below 0.5, or the outcome is ok."),
    "would_decide": ("", "What one more datum would decide: control, neighbour, search, wait, level, packets,"
                         " population, or nothing."),
    "confirmed": ("", "Another time slot, later than residual blocking lasts, agreed."),
    "scope": ("", "How near the cause is: device, lan, access, beyond_access, unknown."),
    "hop": ("", "Hop at which the interference acts, counted from the probe, or a range of hops; end: not before the"
                " server itself is reached; empty: not shown."),
    "place_run_id": ("", "Earlier run, of the last 24 hours and in the same network, that found the place on which the"
                         " verdict rests; empty: this run found it, or it rests on none."),
    "residual": ("", "Whether an innocent name, served before, fails at the address after the block: none, seen,"
                     " unknown; empty: nobody looked."),
    "residual_s": ("s", "How long it did after the last trigger: `20-40`; `20-`: longer than the run looked."),
    "rule_id": ("", "Rule that decided; a vocabulary apart from `block_type`."),
    "struck": ("", "Shapes of ClientHellos that fail, where others are answered; library: the probe's own."),
    "spared": ("", "Shapes of ClientHellos that were answered; with `struck` empty, only those of other programs."),
    "rules": ("", "Rules that were weighed: the deciding one first, then those that accuse and have no basis."),
    "evidence": ("", "Observations that the verdict rests on, by `observation_id`."),
    "evidence_level": ("", "What the probe could see: socket (what any program sees) or packet (raw packets too)."),
    "attempts": ("", "Attempts that count for this verdict."),
    "failed_attempts": ("", "Attempts among them that failed."),
    "intermittent": ("", "k/n: of n connections that were planned beforehand, each from a port of its own, k failed;"
                         " what a failure set off is not counted. Empty: nobody counted, as in older rows."),
    "troubled": ("", "k/n: of the same n connections k failed or had to send anything again. Empty: nobody counted."),
    "troubled_beside": ("", "k/n: of n connections under an innocent name to the same addresses, made before anything"
                            " failed there, k failed or had to send anything again. Empty: none was made, or nobody"
                            " counted."),
    "control": ("", "What the control said: not_needed, none, failed, agrees, contrary, doubtful."),
    "control_ids": ("", "Controls that were heard."),
    "partial": ("", "Some endpoints or addresses of the target answered and others did not."),
    "reason": ("", "For not_attempted and inconclusive: why, in one sentence. For ok: for whose programs; those"
               " whose shapes were not sent, or failed, are named."),
    "theirs": ("", "Of imported measurements: what the engine that made each says, `test version: word`."),
    "sources": ("", "Of imported measurements: the name of each, in the order of `theirs`."),
}

SERVICES: Words = {
    "service": ("", "Messaging service."),
    "role": ("", "Part of the service."),
    "outcome": ("", "Outcome for this role of the service: whether enough of its targets answer for it to work."),
    "k": ("endpoints", "Blocked endpoints."),
    "n": ("endpoints", "Decided endpoints (ok, blocked, down): the denominator of k."),
    "not_attempted": ("endpoints", "Endpoints that were never tried; counted in no share."),
    "partial": ("", "Some endpoints are blocked and others are not, or some addresses of a blocked one answer."),
    "block_types": ("", "Causes found, as dotted paths."),
    "blocked_targets": ("", "Targets with a blocked endpoint."),
    "blocked_inputs": ("", "Endpoints that are blocked."),
    "k_ipv4": ("endpoints", "Endpoints blocked at an IPv4 address."),
    "n_ipv4": ("endpoints", "Endpoints decided at an IPv4 address; those whose name is not resolved count in k and n"
                            " alone."),
    "k_ipv6": ("endpoints", "Endpoints blocked at an IPv6 address."),
    "n_ipv6": ("endpoints", "Endpoints decided at an IPv6 address."),
    "answer": ("", "What is so of the role in one word: works, partly, suspected (it fails, and a block is suspected, "
                   "not shown), blocked, fails, unknown (what tells most of it was not tried or not reached), "
                   "not_tested. Empty in rows from before this column."),
}

RUNS: Words = {
    "run_id": ("", "Name of the run, unique everywhere."),
    "measurement_start_time": ("UTC, RFC 3339", "When the run began, by the probe's clock."),
    "measurement_end_time": ("UTC, RFC 3339", "When the run ended, by the probe's clock."),
    "trigger": ("", "What started the run: timed, manual, or followup."),
    "engine": ("", "Whose measurements these are: probe, or what they were imported from (ooni)."),
    "outcome": ("", "Outcome of the network as a whole (the ladder), not of any service."),
    "block_type": ("", "Cause where the whole network is cut, walled or slowed."),
    "basis": ("", "Where the network lets only listed places pass: why it is no outage, `company` or `place`."),
    "suspected": ("", "Of `inconclusive.unplaced`: what would be said of the network if anything showed that it is no "
                  "outage."),
    "listed": ("", "Services abroad that answer where most do not: those on the network's list, if it has one. Empty "
               "in older files."),
    "rule_id": ("", "Rule that decided on the network."),
    "also": ("", "Causes that stop no service by themselves: dns.encrypted, ways to ask for names that are blocked."),
    "ladder": ("", "One `step:word` per rung (link, gateway, resolver, controls), in order. `https:` says how "
               "questions for HTTPS records (RFC 9460) fare: ok, stripped (of the keys for Encrypted ClientHello), "
               "emptied, refused or silent, and for how many of the names that were asked about, as `stripped 2/40`."),
    "conditions": ("", "One `condition:word` each: power (mains, battery), charge in per cent, metered (yes, likely,"
                       " unlikely, no), unknown where the system does not tell; `network:changed` where the device left"
                       " its network during the run; `run:cut_short` where the run was ended from outside, and has no"
                       " verdicts."),
    "share": ("", "What of the catalogue the run took: `tier:1`, all endpoints up to that tier; `inputs:3`, single"
                  " ones; by turns `daily:5/23`, the fifth of 23 shares, `small:5/23`, the same but only of small"
                  " servers, `weekly:40/167`. What is in none of them has no row in this run, which is no gap."),
    "controls_left_out": ("", "One `control:word` each: helpers whose word was not counted in this run. denies: it said"
                              " that a known place does not answer; invents: that one answers at which nothing does;"
                              " loaded: it was too busy to say. Older rows do not tell."),
    "own_hello": ("", "Shape of the probe's own ClientHello, the commonest of the run: TLS version, digests of its"
                      " cipher suites and extensions as in JA4, and its size: small fits one packet, large (above 1,200"
                      " bytes, as with post-quantum keys) does not. Empty where none was sent, and in older files."),
    "clock_offset_s": ("s", "Median of trusted servers' Date minus the probe's clock; empty when unknown."),
    "deadline_s": ("s", "Time the run was allowed."),
    "runtime_s": ("s", "Time the run took."),
    "n_targets": ("", "Targets in the plan."),
    "n_attempted": ("", "Targets that were tried."),
    "n_observations": ("", "Rows of the run in the observations table."),
    "bytes_written": ("bytes", "Bytes sent in the run, above TCP or UDP."),
    "bytes_read": ("bytes", "Bytes received in the run, above TCP or UDP."),
    "catalogue_path": ("", "Whose list of targets it was: packaged (the program's), signed (a publisher's), own (a file"
                       " of the person's). Files of older versions have the file's path, or the signed list's name."),
    "catalogue_version": ("", "Version or hash of the list of targets."),
    "rules_version": ("", "Version of the rules that judged."),
    "software_version": ("", "Version of the probe."),
    "schema_version": ("", "Version of these columns."),
    "seed": ("", "Seed of the run's random choices (order, pacing)."),
    "columns_version": ("", "Which columns there were when the run was signed; 0: it is unsigned."),
    "public_key": ("", "Ed25519 key of the month (RFC 8032), in hexadecimal, whose hash is `probe_id`; empty: the run"
                   " is unsigned."),
    "digests": ("", "Rows and SHA-256 of every other table over its canonical rows, as `table:rows:hexadecimal`; bytes"
                " and SHA-256 of the file of captured packets, where there is one."),
    "signature": ("", "Ed25519 signature of this row's canonical form without the signature, in hexadecimal."),
    "probe_id": FRAME["probe_id"],
    "probe_cc": FRAME["probe_cc"],
    "probe_asn": FRAME["probe_asn"],
    "cc_source": ("", "Who says `probe_cc`: settings (the person), table, none; empty in older files."),
    "asn_source": ("", "Who says `probe_asn`, in the same words."),
    "stated_cc": ("ISO 3166-1 alpha-2", "Country that the person stated; ZZ: none; empty in older files, where it is"
                  " `probe_cc`. Targets and controls were chosen by it, and verdicts judged."),
    "geo_cc": ("ISO 3166-1 alpha-2", "Country by the table, whatever was stated; ZZ when unknown."),
    "geo_asn_ipv4": ("", "Autonomous system number by the table, of IPv4; 0 when unknown."),
    "geo_asn_ipv6": ("", "Autonomous system number by the table, of IPv6; 0 when unknown."),
    "vantage_doubt": ("", "Why the place is in doubt. country, network: the table says another than was stated;"
                      " several: it names more than one; moved: the device changed its network. Nothing is to be said"
                      " of one network by such a run."),
    "geo_db": ("", "Table that was looked into: packaged, or the types of the person's own files; empty: none."),
    "geo_db_date": FRAME["geo_db_date"],
    "network_type": ("", "Kind of access: wired, wifi, mobile, vpn (the tunnel is the vantage), unknown."),
    "resolver_count": ("", "Resolvers that the system is configured with."),
    "nat64_prefix": ("", "NAT64 prefix in use (RFC 7050); empty: none."),
    "tunnel": ("", "full, split or empty: what a VPN carries of this device's traffic."),
    "families": ("", "IP versions with a route to the outside."),
    "platform": ("", "Operating system."),
    "python_version": ("", "Version of Python."),
    "openssl_version": ("", "Version of OpenSSL; it shapes the ClientHello."),
    "requests_version": ("", "Version of requests."),
    "privilege": ("", "What the probe may do: whether raw packets were open to it."),
    "consent_level": ("", "What the volunteer agreed to: 1 least, 3 most."),
    "lab": FRAME["lab"],
}
