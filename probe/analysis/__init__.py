"""From many volunteers' verdicts to findings: cells, time series, events, and the log of events."""
