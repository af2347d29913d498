"""All tables of the engine, and the steps that lead to them from older versions."""

from .database import stats
from .database.layout import Layout
from .history import history
from .jobs import gone_records, job, leases, targets
from .ledger import ledger, left_alone, parts, seen, settled, sources_lead
from .migrations import LADDER
from .plan import approvals, plan_cache

LAYOUT = Layout(
    (
        job.SCHEMA,
        leases.SCHEMA,
        settled.SCHEMA,
        targets.SCHEMA,
        approvals.SCHEMA,
        plan_cache.SCHEMA,
        seen.SCHEMA,
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
