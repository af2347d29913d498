"""All that speaks to a source of records."""
