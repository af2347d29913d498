"""What `scripts/bench` measures: our engine beside a plain plexapi script, in one run."""
