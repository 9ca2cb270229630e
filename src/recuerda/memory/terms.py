"""Words to search terms: case and accents folded, stop words dropped, stemmed by language.

Stems are Snowball's (Porter 2001, https://snowballstem.org); people type "cancion" as often as "canción",
so accents go first. A word is analysed once per language and remembered.
"""

import re
import threading
from functools import lru_cache
from typing import Any, Protocol

from recuerda.language import Language, fold

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_NAMES: dict[Language, str] = {"en": "english", "es": "spanish", "pt": "portuguese"}

# Grammar and question words; folded. What people *mean* by "when" or "how many" is for `features`.
_STOP_WORDS: dict[Language, str] = {
    "en": """a about after again all also am an and any are as at be because been before being both but by can
        could did do does doing don during each either else ever few for from further get gets getting go
        goes going got had has have having he her here hers herself him himself his how i if in into is it
        its itself just let like ll me mine more most much my myself no nor not now of off ok okay on once
        one only or other our ours out over own please re really s same she should so some such t than
        that the their theirs them themselves then there these they this those through to too under until
        up us ve very was we were what when where which while who whom whose why will with would yes yet
        you your yours yourself yourselves i'm i've i'll i'd it's that's don't didn't doesn't isn't wasn't
        can't couldn't won't wouldn't you're you've he's she's we're we've they're they've what's there's
        haven't hasn't hadn't aren't weren't shouldn't let's
        u ur r pls plz please thx im ive dont doesnt didnt isnt cant wont whats wheres hows""",
    "es": """
        a al algo alguna algunas alguno algunos ante antes aquel aquella asi aun aunque bien cada como con
        contra cosa cosas cual cuales cuando cuanta cuantas cuanto cuantos de del desde donde dos e el ella
        ellas ellos en entonces entre era eran eres es esa esas ese eso esos esta estaba estaban estan estar
        estas este esto estos estoy fue fueron fui ha habia habian han has hasta hay he hemos hola la las le
        les lo los mas me mi mia mias mio mios mis mucha muchas mucho muchos muy nada ni no nos nosotros
        nuestra nuestras nuestro nuestros o os otra otras otro otros para pero poco por porque pues que quien
        quienes se sea ser si sido siempre sin sobre sois somos son soy su sus suya suyo tal tambien tan tanto
        te tenemos tengo ti tiene tienen tienes toda todas todo todos tu tus tuve tuvo u un una unas uno unos
        usted ustedes va vamos van voy vos y ya yo hacia sólo solo q xq pq tb tmb d porfa porfavor""",
    "pt": """a ao aos aquela aquelas aquele aqueles aquilo as ate bem cada com como da das de dela delas dele
        deles depois do dos e ela elas ele eles em entao entre era eram essa essas esse esses esta estao
        estar estas estava estavam este estes estou eu foi foram fui ha ia isso isto ja la lhe lhes mais mas
        me mesmo meu meus minha minhas muita muito muitos na nao nas nem no nos nossa nossas nosso nossos num
        numa o oi ola onde os ou para pela pelas pelo pelos pode por porque pra pro qual quais quando quanta
        quantas quanto quantos que quem sao se seja sem sempre ser seu seus so sob sobre sou sua suas ta
        tambem tao te tem temos tenho ter teu tinha tive teve to todo toda todos todas tu tua um uma umas uns
        vai vao vc voce voces voces vou vcs ce q pq tb tbm eh pfv favor""",
}
_STOP = {language: frozenset(words.split()) for language, words in _STOP_WORDS.items()}


class _Stemmer(Protocol):
    def stemWord(self, word: str) -> str: ...  # noqa: N802 - the library's name


_stemmers = threading.local()  # a Snowball stemmer keeps the word it works on


def _stemmer(language: Language) -> _Stemmer:
    made: dict[str, Any] = _stemmers.__dict__
    if language not in made:
        import Stemmer

        made[language] = Stemmer.Stemmer(_NAMES[language])
    stemmer: _Stemmer = made[language]
    return stemmer


@lru_cache(maxsize=200_000)
def term(word: str, language: Language) -> str:
    """The term of one word as typed; empty for a stop word."""
    plain = fold(word).replace("’", "'")
    if plain in _STOP[language]:
        return ""
    plain = plain.split("'")[0] if language == "en" else plain.replace("'", "")
    return "" if plain in _STOP[language] else _stemmer(language).stemWord(plain)


def words(text: str) -> list[str]:
    """The words of `text` as typed, without punctuation."""
    return _WORD.findall(text)


def analyse(text: str, language: Language) -> list[str]:
    """The search terms of `text`, in order, repeats kept."""
    return [found for word in _WORD.findall(text) if (found := term(word, language))]
