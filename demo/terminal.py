"""What the demo says."""

import sys
from typing import NoReturn


def say(text: str) -> None:
    """Tell what is going on, as the scripts do."""
    print(f"==> {text}", flush=True)


def stop_with(text: str) -> NoReturn:
    """Give up."""
    print(f"error: {text}", file=sys.stderr)
    raise SystemExit(1)
