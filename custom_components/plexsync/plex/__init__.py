"""All that speaks to Plex."""
