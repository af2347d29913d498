"""The client for Plex."""
