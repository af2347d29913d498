"""A story in which everything that goes to the disk fails once."""
