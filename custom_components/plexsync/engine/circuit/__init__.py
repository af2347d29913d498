"""The breaker and its host: permits, probes, outages, edits in flight."""
