"""Text as it is searched: whatever its case, and however its letters are encoded."""

import unicodedata


def search_text(text: str) -> str:
    """Fold a text, so that one that is folded, too, can be looked for in it.

    A letter with its accent beside it, as in file names of a Mac, is that letter. The two
    letters i of Turkish are one: which of them a capital stands for depends on the language.
    """
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
    return folded.replace("i\u0307", "i").replace("ı", "i")
