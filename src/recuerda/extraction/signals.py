"""Families of words that tell what kind of sentence this is, in three languages at once.

They are features, not rules: the classifier learns what each is worth.
"""

from collections.abc import Sequence
from functools import cache

from recuerda.language import fold

_FAMILIES: dict[str, str] = {
    "hypothetical": "if suppose supposing imagine would could hypothetically were si fuera fuese tuviera "
    "tuviese "
    "hubiera imaginate imagina supongamos podria seria haria se fosse tivesse quisesse imagine suponha caso "
    "poderia "
    "fizesse comprasse pudesse pudiera quisiera comprara whether unless",
    "wonder": "how what which who where when why do does did can could is are will should como que cual "
    "cuales quien "
    "donde cuando cuanto cuanta cuantos cuantas puedo pueden tienen hay sirve qual quais quem onde quando "
    "quanto quanta "
    "posso podem tem vcs voces da sera",
    "i": "i im i'm ive i've i'd i'll my mine me we we're we've our us yo mi mis me nos nuestro nuestra "
    "nosotros eu meu "
    "minha meus minhas nosso nossa a gente",
    "first_es": "tengo soy estoy uso quiero necesito compre vivo prefiero calzo busco trabajo llevo peso "
    "mido hago voy "
    "corro odio recibi pedi pague cancelo",
    "first_pt": "tenho sou estou to uso quero preciso comprei moro prefiro calco procuro trabalho levo peso "
    "faco vou "
    "corro odeio recebi pedi paguei cancelo",
    "household": "son daughter wife husband kid kids baby child children mum mom dad mother father partner "
    "girlfriend "
    "boyfriend grandma grandmother grandfather twins toddler family dog cat puppy kitten hijo hija hijos "
    "hijas esposo "
    "esposa marido mujer bebe nino nina mama papa madre padre pareja novia novio abuela abuelo perro perra "
    "gato gata "
    "cachorro filho filha filhos filhas marido esposa mulher bebe mae pai namorada namorado avo cachorro "
    "cachorra gato "
    "gata sogra suegra enteado pug",
    "stranger": "friend friends colleague coworker neighbour neighbor boss someone somebody everyone "
    "everybody people "
    "cousin uncle aunt roommate they he she guy girl lady amigo amiga amigos colega vecino vecina jefe "
    "alguien todos "
    "gente primo prima tio tia cunado cunada companero companera ellos el ella vizinho vizinha chefe alguem "
    "todo mundo "
    "pessoal cara moca cunhado cunhada dizem dicen youtuber influencer instagram tiktok",
    "said": "said says told heard read saw dice dijo dicen lei escuche vi disse diz dizem ouvi li falou "
    "conto according "
    "segun segundo",
    "order_to_bot": "ignore disregard forget pretend act remember note save store record system prompt "
    "instructions "
    "rules admin administrator developer override mode bypass ignora ignore olvida finge actua recuerda "
    "anota guarda "
    "registra instrucciones reglas sistema administrador modo esqueca finja aja lembre anote guarde grave "
    "registre "
    "instrucoes regras sistema jailbreak dan answer respond reply responde contesta responda",
    "entitled": "discount free vip entitled authorised authorized manager ceo owner approved gratis "
    "descuento gerente "
    "dueno autorizado aprobado desconto dono autorizo diretor vitalicio lifetime always siempre sempre zero "
    "cero",
    "courtesy": "thanks thank please hi hello hey bye cheers ok okay great perfect gracias hola chau adios "
    "buenas "
    "perfecto genial listo vale dale obrigado obrigada oi ola tchau valeu beleza blz otimo show brigada "
    "brigado",
    "mood": "tired bored stressed happy sad lol haha jaja jajaja kkk rsrs ugh cansada cansado aburrida "
    "estres feliz "
    "triste cansei hoje hoy today cansado estressada",
    "negation": "not no never dont don't didn't doesn't can't cant won't nunca ni nada nao nem nunca sem "
    "sin without "
    "tampoco jamais",
    "negative_answer": "nah nope no nao para_nada",
    "asks_help": "help know wonder wondering question ask asking tell explain ayuda saber pregunta pregunto "
    "consulta "
    "duda ayudar ayudame decime dime explicame ajuda duvida pergunta saber ajudar explica explique "
    "curiosity curiosidad "
    "curiosidade",
    "general": "usually generally most all everybody nowadays generalmente normalmente todo todos siempre "
    "hoy geral "
    "todo toda hoje sempre is are es son e sao",
    "but_me": "actually sorry correction mean perdon digo corrijo mejor desculpa digo quer dizer alias "
    "melhor instead",
    "want": "want need like looking would wanna prefer quiero quisiera necesito busco deseo prefiero "
    "gustaria quero "
    "queria preciso procuro gostaria prefiro desejo",
    "trouble": "broken arrived wrong missing late damaged doesn't didn't stopped roto danado llego falta "
    "faltaba mal "
    "funciona anda quebrado quebrou chegou errado faltou veio atrasado rasgado defeito rota rompio",
    "friend_gift": "friend's gift present regalo presente amigo asking",
    "sarcasm": "obviously sure totally claro obvio aja clarooo imagina super",
}


@cache
def _index() -> dict[str, tuple[str, ...]]:
    table: dict[str, list[str]] = {}
    for family, words in _FAMILIES.items():
        for word in set(words.split()):
            table.setdefault(fold(word), []).append(family)
    return {word: tuple(families) for word, families in table.items()}


def signals(words: Sequence[str]) -> list[str]:
    """Families met among folded words."""
    index = _index()
    return sorted({family for word in words for family in index.get(word, ())})
