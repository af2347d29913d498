"""One spelling for what items are called in catalogues, whichever agent wrote it down.

Legacy agents keep ``com.plexapp.agents.imdb://tt0468569?lang=en`` as an item's only
guid, newer ones ``imdb://tt0468569`` beside their own.
"""

_LEGACY = "com.plexapp.agents."
_CATALOGUES = {"themoviedb": "tmdb", "thetvdb": "tvdb"}
_OURS = frozenset({"imdb", "tmdb", "tvdb"})


def canonical(guid: str) -> str:
    """Return the spelling in which guids are kept and compared.

    A legacy agent names an episode by its show, ``tvdb://<show>/<season>/<episode>``:
    that stays, for a number of the episode's own cannot be told from it.
    """
    scheme, mark, name = guid.strip().partition("://")
    if not mark:
        return guid
    if scheme.lower().startswith(_LEGACY):
        # The language that the agent was asked for says nothing of the item.
        name = name.partition("?")[0]
    short = scheme.lower().removeprefix(_LEGACY)
    short = _CATALOGUES.get(short, short)
    if short in _OURS:
        return f"{short}://{name.lower()}"
    return f"{scheme}://{name}"
