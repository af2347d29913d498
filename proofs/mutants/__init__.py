"""Bugs put into the code: the tests have to see them."""

from .bugs import stale

__all__ = ["stale"]
