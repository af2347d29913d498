"""Every reason that a job can have: why it waits, failed, or has nothing to write to.

Answers that are errors have families beside these, with their status at the end:
``http_502``, ``proxy_404``.
"""

from enum import StrEnum

# In the column ``failed`` of a job: 0, 1 if it failed, or this where there is nothing to
# write to, which is no failure.
SKIPPED = 2


class Reason(StrEnum):
    """A word that says why a job is where it is; each has its text in the translations."""

    # Of the record, or of the item that it is about
    AMBIGUOUS = "ambiguous"
    CHANGING = "changing"
    CRASHED = "crashed"
    GONE = "gone"
    NOT_FOUND = "not_found"
    NOT_KEPT = "not_kept"
    UNFORESEEN = "unforeseen"
    UNKNOWN = "unknown"

    # Nothing to write to, which is no failure
    FILTERED = "filtered"
    NO_FILE = "no_file"
    NOT_MAPPED = "not_mapped"
    NOT_ORGANIZED = "not_organized"
    OUTSIDE_LIBRARIES = "outside_libraries"
    PLAN_CHANGED = "plan_changed"
    SHARED_ITEM = "shared_item"

    # What all jobs wait for, or all that need one kind of call
    CIRCUIT_OPEN = "circuit_open"
    COLLECTIONS_FAIL = "collections_fail"
    EDITS_FAIL = "edits_fail"
    HELD = "held"
    LISTING_FAILS = "listing_fails"
    PICTURES_FAIL = "pictures_fail"
    READS_FAIL = "reads_fail"
    SCANS_FAIL = "scans_fail"
    SOURCE_AWAY = "source_away"
    UNDER_WAY = "under_way"

    # Plex does not take it
    BAD_REQUEST = "bad_request"
    CONFLICT = "conflict"
    FORBIDDEN = "forbidden"
    NO_ID = "no_id"
    TOO_LARGE = "too_large"
    TOO_LONG = "too_long"
    TOO_LONG_LIST = "too_long_list"
    UNAUTHORIZED = "unauthorized"

    # A picture cannot be used
    IMAGE_INVALID = "image_invalid"
    IMAGE_MISSING = "image_missing"
    IMAGE_NOT_ALLOWED = "image_not_allowed"
    IMAGE_TOO_LARGE = "image_too_large"
    IMAGE_UNREACHABLE = "image_unreachable"
    SOURCE_GONE = "source_gone"

    # Plex does not answer, or not as it should
    ANSWER_TOO_BIG = "answer_too_big"
    DNS = "dns"
    EMPTY_ANSWER = "empty_answer"
    ERROR_500 = "error_500"
    LIBRARY_GONE = "library_gone"
    LISTING_EMPTY = "listing_empty"
    LISTING_SHRUNK = "listing_shrunk"
    MAINTENANCE = "maintenance"
    MOVED = "moved"
    NOT_PLEX = "not_plex"
    RATE_LIMITED = "rate_limited"
    REDIRECT = "redirect"
    REFUSED = "refused"
    RESET = "reset"
    SHORT_ANSWER = "short_answer"
    STARTING = "starting"
    TIMEOUT = "timeout"
    TLS = "tls"
    UNPARSABLE = "unparsable"
    WRONG_MACHINE = "wrong_machine"


# What another picture in the same place may put right.
OF_PICTURES = {each for each in Reason if each.startswith("image_")} | {
    Reason.SOURCE_GONE
}
