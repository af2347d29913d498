"""Tests of the engine: no Home Assistant, no Plex, no Stash."""
