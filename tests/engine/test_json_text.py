"""JSON of the database: whatever a source says is kept, and digests are as they were."""

import json
from typing import Any

from hypothesis import example, given, strategies as st

from custom_components.plexsync.engine.util.json_text import canonical, dump, load

# All letters, half surrogate pairs among them: orjson refuses these.
TEXTS = st.text(st.characters())
RATINGS = [tenths / 10 for tenths in range(101)]
INTEGERS = st.integers(-(2**63), 2**63 - 1)  # SQLite keeps no others


def _data(integers: st.SearchStrategy[int]) -> st.SearchStrategy[Any]:
    return st.recursive(
        TEXTS | st.none() | st.booleans() | integers | st.sampled_from(RATINGS),
        lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
    )


@given(_data(INTEGERS))
def test_what_is_kept_is_read_again(data: Any) -> None:
    """Also what only the standard library can write."""
    assert load(dump(data)) == data


@example("\x7f")
@given(_data(st.integers()))
def test_a_digest_is_of_what_earlier_versions_wrote(data: Any) -> None:
    """Else every record of theirs would count as changed."""
    expected = json.dumps(data, sort_keys=True, separators=(",", ":"))
    assert canonical(data) == expected.encode()
