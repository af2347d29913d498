"""A Stash server as a source."""
