"""Small helpers that know nothing of records, items or jobs."""
