"""The demo: a real Home Assistant with PlexSync, a simulated Plex and a simulated Stash."""
