"""Which countries a text speaks of, by their names and those of their main cities, in three languages.

"Do you ship to Cali?" is answered by the passage on Colombia. Words are folded; what is also an ordinary
word ("la paz", "salvador") counts only where few would mean anything else.
"""

import re
from functools import lru_cache

from recuerda.language import fold

OTHER = "ZZ"  # "other countries", for those a document does not name
_PLACES = r"""
AR: argentina, buenos aires, rosario, mendoza, cordoba capital, mar del plata, tucuman, bariloche
BO: bolivia, la paz, cochabamba, santa cruz de la sierra, sucre
BR: brazil, brasil, sao paulo, sp, rio de janeiro, rj, belo horizonte, brasilia, curitiba, porto alegre,
    recife, salvador, fortaleza, manaus, belem, goiania, florianopolis, campinas, natal rn, minas
    gerais, bahia, nordeste
CA: canada, toronto, montreal, vancouver
CL: chile, santiago, valparaiso, vina del mar, concepcion, antofagasta, temuco
CO: colombia, bogota, medellin, cali, barranquilla, cartagena, bucaramanga, pereira, manizales, cucuta,
    ibague, villavicencio, santa marta, antioquia
CR: costa rica
DE: germany, alemania, alemanha, berlin
EC: ecuador, equador, quito, guayaquil, cuenca
ES: spain, espana, espanha, madrid, barcelona, valencia, sevilla
FR: france, francia, franca, paris
GB: united kingdom, uk, england, reino unido, inglaterra, london, londres
GT: guatemala
IT: italy, italia, rome, roma, milan
MX: mexico, cdmx, monterrey, guadalajara, puebla, tijuana, cancun, queretaro, toluca, oaxaca, chiapas,
    yucatan
PA: panama
PE: peru, lima, cusco, cuzco, arequipa, trujillo, piura, chiclayo, iquitos, huancayo
PT: portugal, lisboa, lisbon, porto(?! alegre)
PY: paraguay, paraguai, asuncion
US: united states, usa, u\.s\., the us, the states, estados unidos, eua, new york, nyc, los angeles,
    california, texas, houston, dallas, austin, florida, miami, orlando, chicago, boston, seattle,
    denver, atlanta, hawaii, alaska, puerto rico, san francisco, philadelphia, portland, arizona,
    oregon, ohio, colorado
UY: uruguay, uruguai, montevideo
ZZ: another country, other countries, between countries, abroad, otro pais, otros paises, entre paises,
    outro pais, outros paises
VE: venezuela, caracas, maracaibo
"""


def _compiled() -> dict[str, re.Pattern[str]]:
    made = {}
    for line in re.sub(r"\n +", " ", _PLACES).strip().splitlines():
        code, _, names = line.partition(":")
        forms = "|".join(name.strip() for name in names.split(","))
        made[code] = re.compile(rf"(?<!\w)(?:{forms})(?!\w)")
    return made


_NAMES = _compiled()


@lru_cache(maxsize=4000)
def countries(text: str) -> frozenset[str]:
    """ISO 3166 codes of the countries a text names."""
    folded = fold(text)
    return frozenset(code for code, pattern in _NAMES.items() if pattern.search(folded))
