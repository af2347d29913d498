"""Programs that prove what the design promises; each prints its figures."""
