"""Tests of PlexSync."""
