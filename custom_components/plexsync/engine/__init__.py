"""The heart of PlexSync: imports neither Home Assistant nor ``plex`` nor ``sources``."""
