"""All tables of the engine, and the steps that lead to them from older versions."""

from .database import stats
from .database.layout import Layout
from .history import history
from .jobs import gone_records, queue
from .ledger import ledger, left_alone, parts, sources_lead
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
