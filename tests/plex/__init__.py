"""Tests of what speaks to Plex, against the simulator over real HTTP."""
