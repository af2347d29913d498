"""The mutations: what Stash's own pages send when a user saves something."""

from collections.abc import Callable
from typing import Any

from .file_mutations import FILE_MUTATIONS, HISTORY_MUTATIONS
from .object_mutations import OBJECT_MUTATIONS
from .scene_mutations import SCENE_MUTATIONS
from .task_mutations import PROGRAM_MUTATIONS, TASK_MUTATIONS

# These write while the request waits, so that a locked database refuses them.
WRITING: dict[str, Callable[..., Any]] = {
    **SCENE_MUTATIONS,
    **OBJECT_MUTATIONS,
    **FILE_MUTATIONS,
    **HISTORY_MUTATIONS,
}
MUTATIONS: dict[str, Callable[..., Any]] = {
    **WRITING,
    **TASK_MUTATIONS,
    **PROGRAM_MUTATIONS,
}
