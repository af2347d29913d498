"""What is told of kinds of call that fail."""

from random import Random

from custom_components.plexsync.engine.bulkheads import Bulkheads

KIND = "listing:uuid"


def test_a_long_call_is_no_failure() -> None:
    """Shut a kind while a long call is under way, and tell of it only once one failed."""
    bulkheads = Bulkheads(Random(1))
    bulkheads.occupy(KIND, 100.0)
    assert bulkheads.is_shut(KIND)
    assert bulkheads.failing() == {}
    bulkheads.failed(KIND, KIND, 900.0)
    assert bulkheads.failing() == {KIND: 100.0}
    bulkheads.clear()
    assert bulkheads.failing() == {}
    assert bulkheads.take_reopened() == {KIND}
