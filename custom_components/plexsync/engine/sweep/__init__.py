"""The comparison of all records with Plex."""
