"""Tests of what speaks to a source."""
