"""One spelling for the guids of items, whichever agent stored them.

Legacy agents store ``com.plexapp.agents.imdb://tt0468569?lang=en`` as an item's only
guid, newer ones ``imdb://tt0468569`` beside their own.
"""

_LEGACY = "com.plexapp.agents."
_CATALOGUES = {"themoviedb": "tmdb", "thetvdb": "tvdb"}
_OURS = frozenset({"imdb", "tmdb", "tvdb"})


def canonical(guid: str) -> str:
    """Return the spelling in which guids are stored and compared.

    A legacy agent identifies an episode by its show, ``tvdb://<show>/<season>/<episode>``.
    That is left as it is, because the episode's own number cannot be derived from it.
    """
    scheme, mark, name = guid.strip().partition("://")
    if not mark:
        return guid
    if scheme.lower().startswith(_LEGACY):
        # The agent's language says nothing about the item.
        name = name.partition("?")[0]
    short = scheme.lower().removeprefix(_LEGACY)
    short = _CATALOGUES.get(short, short)
    if short in _OURS:
        return f"{short}://{name.lower()}"
    return f"{scheme}://{name}"
