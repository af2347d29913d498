"""The one path from a record to its plan."""
