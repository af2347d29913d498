"""Names that several modules of the Home Assistant ring use."""

from typing import Final

DOMAIN: Final = "plexsync"
EVENT_PLEXSYNC: Final = "plexsync_event"

# Config entry data
CONF_LIBRARIES: Final = "libraries"  # uuids
CONF_MACHINE_ID: Final = "machine_id"
CONF_REUSE: Final = "reuse"  # True: reached as the `plex` integration reaches it

# Config entry options
CONF_STALE_AFTER: Final = "stale_after"  # hours
DEFAULT_STALE_AFTER: Final = 6
CONF_SWEEP_AT: Final = "sweep_at"  # time of day, or None for no nightly sweep
CONF_RECORD_TITLES: Final = "record_titles"
CONF_KEEP_HISTORY: Final = "keep_history"  # days, 0 for none
DEFAULT_KEEP_HISTORY: Final = 30
CONF_REVIEW_PAGE: Final = "review_page"

# Subentry `stash`
SUBENTRY_STASH: Final = "stash"
CONF_PATH_MAPPINGS: Final = "path_mappings"  # [{"source": prefix, "plex": prefix}]
CONF_FIELDS: Final = "fields"  # what to sync: read by sources.stash.StashOptions
CONF_POLL_SLOWEST: Final = "poll_slowest"  # seconds
CONF_MARKS: Final = "marks"  # digests that identify a Stash under any address
CONF_START: Final = "start"
START_PREVIEW: Final = "preview"
START_EVERYTHING: Final = "everything"
START_CHANGES: Final = "changes_only"

SOURCE_ACTION: Final = "action"  # the source id of records that come from sync_item

# What a comparison looks at: each does what those before it do, and more.
SCOPE_PLAN: Final = "plan"  # all records, or those of one source; nothing is written
SCOPES: Final = (SCOPE_PLAN, "recent", "all")
