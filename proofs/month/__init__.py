"""A simulated month: the real engine against the simulated Plex, in virtual time."""
