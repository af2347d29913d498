"""What the review page asks of Home Assistant. The page itself is ``panel/``."""
