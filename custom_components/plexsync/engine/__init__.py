"""The heart of PlexSync: knows neither Home Assistant nor Plex nor Stash."""
