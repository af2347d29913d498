"""Words that most changes are made of: no row of the history need say them again.

Whoever changes a letter of them can read no row that was written before. Other words
take another mark.
"""

from typing import Final

# Begins a row that goes by these words; what zlib made by itself never begins like that.
MARK: Final = b"\x07"

# Many a summary is in English. What comes last is cheapest to name; and a row without a
# mark knows only what comes after the English words, which it finds counting from the end.
WORDS: Final = (
    b" Science Fiction Documentary Animation Adventure Romance Fantasy Thriller Horror"
    b" History Mystery Action Crime Family Music War Robert Thomas Daniel William"
    b" Charles Richard Elizabeth Jennifer Christopher Alexander Anna Maria Michael David"
    b" James John Mary behind between against without another nothing something"
    b" everything together because through himself themselves herself before after until"
    b" while during under around police murder death killer secret mysterious story film"
    b" series episode season part night summer school house home city town village"
    b" country world war years old year later days past future young woman women men man"
    b" girl boy mother father parents son daughter brother sister wife husband children"
    b" friends friend family love life must becomes discovers begins tries takes makes"
    b" meets falls finds returns learns comes leaves lives turns gets goes back wants"
    b" decides help their lives never ever only even more most other each when where what"
    b" which who would could should have been were will can not but than then there they"
    b" them this that these those one two three first last new best long small great own"
    b" about over into out up down off all some any his her him she he it its by at as on"
    b" or is was has had be an are for with from and to a in of the of in the to the and"
    b" the on the with the of a in a with a to be who is and his and her for the by the"
    b" from the at the that the one of the. "
    b'"earlier picture"]],null,"new picture"]["background",["poster",'
    b'["actors",null,[{"name":"","role":""},{"name":"["writers",["directors",'
    b'["collections",["labels",["genres",["Drama","Comedy","["user_rating",'
    b'["date","19-01-01","20-12-31"],["content_rating","["studio","["tagline",'
    b'["original_title","["sort_title","["summary",null,"[["title","'
)
