"""Calls to Plex: each under a permit, each fault judged; a kind of call that fails is shut alone."""
