"""The queue: how records become jobs, wait, fail and are shown."""
