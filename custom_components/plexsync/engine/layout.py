"""All tables of the engine, and the steps that lead to them from older versions."""

from . import (
    gone_records,
    history,
    ledger,
    left_alone,
    parts,
    queue,
    sources_lead,
    stats,
)
from .database_layout import Layout
from .migrations import LADDER

LAYOUT = Layout(
    (
        queue.SCHEMA,
        ledger.SCHEMA,
        parts.SCHEMA,
        stats.SCHEMA,
        sources_lead.SCHEMA,
        gone_records.SCHEMA,
        left_alone.SCHEMA,
        history.SCHEMA,
    ),
    LADDER,
)
