"""Undo: what to take back, of one item or of many."""
