"""The proof that a whole Home Assistant loses nothing when it is killed."""
