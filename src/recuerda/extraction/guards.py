"""What is never a fact, whatever the classifier says: questions, orders to the assistant, claims of power.

A message that tries to steer the assistant, fishes for secrets or for other people's data, or hands it
homework says nothing of the customer that we can trust: none of it is kept. Nothing is refused here; the
reply is somebody else's business.
"""

import re
from collections import Counter
from collections.abc import Sequence

from recuerda.extraction.clauses import Clause
from recuerda.extraction.phrases import SAY
from recuerda.extraction.tokens import flat, tokenize, words


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{p})" for p in patterns))


_STEERING = _any(
    # Forget what you were told.
    r"\b(ignor|disregard|forget|overlook|overrid|bypass|olvid|esque[cç]|desconsider|desatend|"
    r"omit)\w*\b.{0,40}"
    r"\b(instruc|instruç|rules?\b|reglas?\b|regras?\b|prompts?\b|directi|diretri|guideline|restrict|"
    r"restric)\w*",
    r"\b(ignor|disregard|forget|overlook|esque[cç]|olvid)\w*\b.{0,24}"
    r"\b(previous|prior|above|all (you|that)|everything|everthing|anterior\w*|de cima|de arriba)\b",
    r"\b(told|instructed|trained|programmed) (you )?(not )?to (do|not|never|tell|say|answer)\b",
    # Be somebody else.
    r"\bsystem prompt\b|\bjailbr\w+|\bdo anything now\b|\bdeveloper mode\b|\brole[- ]?play|\bno special "
    r"filter\w*",
    r"\byou(?:'re| are) (now )?(an? |the )?[\w ]{0,24}\b(ai|dan|gpt|bot|model|navigator|captain|linux|"
    r"terminal|god)\b",
    r"\b(act|behave|respond|answer) (as|like) (an? |if |the )|\bpretend\b|\bactua como\b|\bahora eres\b|"
    r"\bagora voce e\b",
    r"\bhaz de cuenta\b|\bfinja (ser|que)\b|\b(\w+gpt|chatgpt|language model|modelo de lenguaje|modelo de "
    r"linguagem)\b",
    r"^imagine (we|you|that|a)\b|\bin this (\w+ )?world\b|\blet'?s (assume|pretend|play)\b|\bimagina que "
    r"(eres|estamos)\b",
    r"\b(system|sistema|override|admin|developer|debug|god) ?(mode|modo|override|access)\b|\bmodo (sistema|"
    r"desarrollador|dios|deus)\b",
    r"\b(user|system|assistant|usuario|sistema)\s?:|<\|?(system|im_start|admin)|\[(system|admin|inst)",
    r"\bnew (instructions|rules)\b|\b(nuevas instrucciones|novas instrucoes)\b",
    # Talk it into a subject: by rank, or by what was never agreed.
    r"\bas an? [\w ]{3,40}, i (believe|can assure|assure|insist|urge)\b",
    r"\bcomo [\w ]{3,40}, (yo )?(l[eo]s? |te )?(puedo |posso )?(asegur|assegur|garant|insist)\w*",
    r"\b(agreed|acordamos|quedamos|combinamos|concordou)\b.{0,60}"
    r"\b(discuss\w*|talk\w* about|hablar (de|sobre)|discutir|conversar|falar (de|sobre))\b",
    # Say this, repeat that, from now on.
    r"\b(repeat|say|repite|repita|di|diga|responda?) ['\"“‘][^'\"”’]+['\"”’]",
)
# From now on you talk like a pirate; not: size 8 from now on, from now on call me at night.
_FROM_NOW = _any(r"\b(from now on|de ahora en (adelante|mas)|a partir de (agora|ahora)|de agora em diante)\b")
_YOUR_WAY = _any(
    r"\b(you|u)( are|'re|'ll| will| must| should| shall| can| may| always| never| only| have to)\b",
    r"\b(talk|speak|answer|respond|reply|act|behave|refer|address|treat|pretend|obey)\b",
    r"\b(call me|llam[ae]me|me (cham[ae]|trat[ae]|diga) (de|como)|me (llam[ae]s?|di[gc]es?|digas|decis|"
    r"decime)) (?!(at|on|by|in|after|before|only|al?|por|en|despues|antes|solo|de (manana|tarde|noche)|"
    r"mr|mrs|ms|miss|dr|sr|sra|don|dona)\b)\w+",
    r"\b(eres|seras|debes|tienes que|vas a|habl\w+me|me hab[lr]\w+|respond\w*|contest\w*|actu[ae]\w*|"
    r"comportate|tratame|obedece\w*)\b",
    r"\b(voce|vc) (e|sera|vai|deve|tem que|so|sempre|nunca)\b|\b(fale|fala|falem?|aja|comporte|obedeca)\b",
)
_FISHING = _any(
    r"\b(the|another|other|all) users?('s)?\b|\b(el|los|del|de los|o|do|dos) (otro |outro )?usuarios?\b",
    r"\bsecret key\b|\bsecret (code|word)\b|\bclave secreta\b|\bchave secreta\b|\bpalabra secreta\b",
    r"\b(what|which|tell|give|share|reveal|print|show|confirm|disclos|access)\w*\b.{0,40}"
    r"\b(your|the|a|this|his|her|their|\w+'s) (\w+ )?(passwords?|passphrase|secret|database|credentials|"
    r"birth ?date|date of birth|"
    r"email address|home address|city of residence|bank (account|balance)|social security)\b",
    r"\b(about|sobre|regarding|for) (the|your) passwords?\b|\b(su|tu|sua|la|a) (contrasena|"
    r"senha)\b.{0,30}\b(conmigo|comigo|secreta)\b",
    r"\b(cual|qual|dime|digame|dame|diga|comparta|comparti\w*|revel\w*|confirm\w*)\b.{0,40}\b(tu|su|sua|la|"
    r"a|do|del) (contrasena|senha)\b",
    r"\b(share|know|entering?|confirm)\b.{0,24}\b(your|the) passwords?\b",
    r"\b(i'?m|i am|soy|sou) (actually )?(an? |the |un |una |o |a |el |la |tu |your |seu )?"
    r"(president\w*|police\w*|policia\w*|developer|god\b|dios\b|deus\b|administrator|admin\b|bank \w+|"
    r"desarrollador|desenvolvedor|"
    r"programador de|hacker|ceo\b|creator|creador|criador)",
    r"\blaw enforcement\b|\bsecurity audit\b|\bauditoria de seg\w+",
)
_HOMEWORK = _any(
    r"(^|[.!?] )(now |please |then |por favor )?(write(?! to| me| us)|draft|compose|generate|translate|"
    r"summari[sz]e|encode|decode|split)\b.{0,40}"
    r"\b(poem|haiku|limerick|acrostic|rhyme|essay|story|song|e-?mail|message|letter|code|script|text|paragraph|"
    r"base64|parts|sentence|word|passphrase|summary|article)\b",
    r"\b(in the form of|in the style of|en forma de|al estilo de|em forma de|no estilo de) "
    r"(an? |una? |uma? )?"
    r"(poem|song|story|play|rap|haiku|riddle|poema|cancion|cuento|musica|conto|historia|adivinanza|charada)\b",
    r"\bin pig latin\b|(^|[.!?] )(please )?(combine|concatenate|join)\b.{0,60}\banswer\b|"
    r"\byou (said|were told) not to (discuss|talk|tell|share|mention|answer|speak)\b",
    r"\b(draft|write|compose) (me )?an? [\w ]{0,30}(message to|poem|haiku|essay|story)\b",
    r"\b(escrib[ea]\w*|redact[ae]\w*|escrev[ae]\w*|traduc[ei]\w*|traduz\w*) (me )?(un|una|um|uma|el|la|o|a|"
    r"este|esta) "
    r"(poema|haiku|ensayo|redacao|cuento|conto|cancion|musica|ensaio|historia|codigo|parrafo|texto)\b",
    r"\b(sort|descending|ascending) (these|order)\b|\bbase ?64\b|\b(main conclusions?|this (paper|essay|"
    r"text|wikipedia|web ?page))\b",
    r"\bq: .{3,300}\ba: |\bgiven this\b|\bin the (movie|novel|book|play) ['\"]|\bin shakespeare|"
    r"\b(calculat\w+|solve) (the|this|an?) \W?\w+\W? (equation|of|on)\b",
    r"\bspeaking of\b.{0,200}\?|\bhablando de\b.{0,200}\?|\bfalando (de|em|sobre)\b.{0,200}\?|\b(parlando|"
    r"apropos|apropo) (di|de)\b",
    r"\bi'?ve been (studying|thinking about|reading about|fascinated)\b|\bthe concept of\b",
    r"<(code|html|body|script)\b|\bdef \w+\(|\bimport \w+\b.{0,20}\\n|^\{|\bcreate action items\b|\bby the "
    r"way, where do",
    r"\bit makes me think about\b|\bremind me\b.{0,40}\bsecurity\b",
)
_STORE = re.compile(
    r"\b(remember|note|store|save|record|write down|keep in mind|recuerda\w*|recorda\w*|anota\w*|anote\w*|"
    r"guarda\w*|"
    r"registra\w*|registre\w*|apunta\w*|lembre\w*|lembra\w*|grave|grava|guarde|marque|marca|set|mark|update|"
    r"bota|pon|poe|"
    r"coloca|coloque|ponga|treat|trata\w*|trate\w*|put)\b"
)
_POWER = _any(
    r"\b(admin\w*|root|superuser|ceo|vip|staff|employee|empleado|funcionari[oa]|gerente|manager|supervisor|"
    r"owner of|"
    r"dueno|dono|diretor\w*|director\w*|authori[sz]\w*|autoriz\w*|entitled|derecho a|direito a|revendedor|"
    r"distribuidor)\b",
    r"\d+ ?% ?(off|discount|de descuento|de desconto)|\b(discount|descuento|desconto)s? .{0,20}(always|"
    r"lifetime|siempre|vitalici\w*|"
    r"sempre|permanent\w*|every|maximo)|\b(free|gratis|gratuit\w*)\b.{0,24}\b(shipping|forever|always|"
    r"everything|siempre|sempre|"
    r"todo|tudo|vida|vitalici\w*)|\b(vitalici\w*)\b.{0,20}\b(gratis|gratuit\w*)|\b(cuesta|vale|custa) (cero|"
    r"zero)|\bmust always be\b",
    r"\bunlimited credit|platinum elite|wholesale price|\bno limits?\b|\bsin limite|\bsem limite|"
    r"\bisent[oa]\b|\bexento",
)
# "If I were a 42", "si usara talla 43", "se eu tivesse": what is not so, told by its mood.
_SUPPOSES = _any(
    r"^(suppos(e|ing)|imagine|let'?s say|what if|in case|say (i|we)\b|supongamos|supon(iendo|gase)?|"
    r"imagin(a|ate|ense|emos|e so)|digamos que|en caso de que|vamos supor|suponha(mos)?|supondo|"
    r"digamos|vamos dizer|caso (eu|a gente|voces?|ele|ela|meu|minha|nao|o|a))\b",
    r"\bif (i|we|my \w+|he|she|they) (ever |also |just )?"
    r"(were|was|had|wore|bought|took|chose|went|got|came|gave|ate|drank|ran|drove|did|sold|could|\w{2,}ed)\b",
    r"\b(si|como si) (yo |no |me |lo |la |los |las |le |mi \w+ |nos )*"
    r"(\w+(ara|iera|ase|iese|aramos|ieramos|aran|ieran)|fuera|fuese|fueran|hubiera)\b",
    r"\b(se|como se) (eu |nao |me |o |a |minha \w+ |meu \w+ |a gente )*"
    r"(\w+(asse|esse|isse|assem|essem)|fosse|desse)\b",
)
# An answer, not a trait: "I'd rather not", "prefiro que não", and nothing else.
_DECLINES = re.compile(
    r"\W*(no|nao)?\W*(i('d| would| do)? (rather|prefer) not( to)?|"
    r"(yo |eu )?(prefiero|prefiro|preferiria) (que )?(no|nao)|god forbid|no way|not a chance|"
    r"(keep|leave) (it|that|them|things) (as (it|that|they) (is|was|are|were)|like that|alone)|"
    r"(que quede|dej[ae]l[oa]s?|deixa|deixe) (asi|igual|como estan?|assim|do jeito que esta)|"
    r"dios me libre|ni (loc[oa]|en sueños|en suenos|hablar)|deus me livre|nem (pensar|mort[oa]|a pau))"
    r"(\W+(no|nao|thanks|thank you|please|gracias|por favor|obrigad[oa]))*\W*"
)
# What is left of "talla 39, no 38", "vivo en Puebla, no en Tlaxcala" and says nothing by itself.
_DENIED = re.compile(
    r"(?i:((and|y|e) )?(not|no|n[aã]o) )((?i:(an?|un[oa]?|uma?|el|la|o|size|talla|tamanho|n[uú]mero) )*"
    r"\d{1,2}([.,]5)?|(?i:in|en|em|from|de) [A-ZÁÉÍÓÚ]\w+( [A-ZÁÉÍÓÚ]\w+)?)\W*"
)
# What is so of somebody outside the household, and nothing of the customer.
_OTHERS = _any(
    r"^((and|but|so|y|pero|e|mas) )*((my|mi|meu|minha) (best |old |club |gym )?(buddy|mate|friend|boss|"
    r"manager|colleague|co-?worker|neighbou?r|cousin|aunt|uncle|(sister|brother)-in-law|flatmate|roommate|"
    r"amig[oa]|jef[ea]|chefe|colega|companer[oa]|vecin[oa]|vizinh[oa]|cunad[oa]|cunhad[oa]|prim[oa]|ti[oa])"
    r"|(an?|one) (friend|mate|colleague|neighbou?r)( of (mine|ours))?"
    r"|una? (amig[oa]|vecin[oa]|colega)( mi[oa])?|uma? (amig[oa]|vizinh[oa]|colega)( meu| minha)?)('s \w+)? "
    r"(is|was|has|wears|says|said|reckons|thinks|swears|loves|loved|uses|rides|drives|takes|weighs|prefers|"
    r"es|mide|tiene|dice|dijo|calza|usa|jura|pesa|maneja|prefiere|toma|"
    r"e|mede|tem|diz|disse|calca|acha|amou|adorou|dirige|prefere)\b",
    r"\b(my|our) (sister|brother|cousin|friend|mate|neighbou?r|aunt|uncle|boss|colleague|co-?worker|"
    r"flatmate)'?s "
    r"(little |youngest |eldest |new )?(boy|girl|son|daughter|kids?|baby|twins|dog|cat|husband|wife|partner|"
    r"one)\b",
    r"\b(hij[oa]s?|bebe|nin[oa]s?|nen[ea]|perr[oa]|gat[oa]|marido|espos[oa]|novi[oa]) de (mi|un|una) "
    r"(herman[oa]|prim[oa]|amig[oa]|vecin[oa]|cunad[oa]|ti[oa]|jef[ea]|colega|companer[oa])\b",
    r"\b(filh[oa]s?|bebe|menin[oa]|nenem|cachorr[oa]|gat[oa]|marido|espos[oa]|namorad[oa]) "
    r"d(o meu|a minha|e um|e uma) "
    r"(irma[o]?|prim[oa]|amig[oa]|vizinh[oa]|cunhad[oa]|ti[oa]|chefe|colega)\b",
    r"\b(my|of my|d[oa] meu|d[oa] minha|de mi) ex\b",
    r"\b(my|mi|meu|minha) \w+,? (who|that|que) (lives|vive|mora) (in|en|em|no|na)\b",
)
_THEIRS = re.compile(r"^((and|y|e|that|que) )?(his|her|their|he|she|they|su|el|ella|ele|ela|o dele|a dela)\b")
_FIRST_PERSON = re.compile(r"\b(i|i'm|me|we|us|yo|nos|eu|gente)\b")
_VERDICT = re.compile(
    r"^((it|that|this)( is|'?s)|eso|isso|esta|ta)( esta| ta)?( muy| very| so| muito)? "
    r"(mal|bad|wrong|errado|ruim|bien|bem|fine|good|ok)( eso| isso)?$"
)
_WH = re.compile(
    r"^(how|what|which|who|where|when|why|do|does|did|can|could|is|are|will|would|should|any|como|que|"
    r"cual\w*|quien|"
    r"donde|cuando|cuant\w*|puedo|pueden|tienen|hay|sirve\w*|qual|quais|quem|onde|quando|quant\w*|posso|"
    r"podem|tem|sera|"
    r"da pra)\b"
)
# Little words of German, Italian and French that ours do not have.
_OTHER_TONGUES = words(
    "ich ist und nicht sie der das ein eine mein wie alle sind zu ihnen ihr mir wenn wir "
    "ho sono il che di della mi sto per gli e' molto "
    "je suis les des est une mon vous pas nous avec"
) - words("per mi un di")
# Orders to our own memory, not to the shop: "forget my size", "undo". "Forget the return" calls one off.
_GOALS = r"(?:returns?|refund|exchange|order|purchase|devoluc|cambio|reembolso|pedido|compra|troca)"
_TO_MEMORY = _any(
    r"^\W*(?:please |por favor |can you |could you |puedes |pode |now |ahora |agora )?"
    r"(?:forget|olvid[ae](?:te|r|n|nse)?|esque[cç](?:e|a|er|am)(?:-se)?)"
    r"(?: about| de)? (?:my|that|what|everything|all|mi|mis|que|lo que|todo|meus?|minhas?|o que|tudo)\b",
    r"^\W*(?:please |por favor |now |ahora |agora )?(?:forget|olvid[ae](?:te)?|esque[cç](?:e|a))"
    rf"(?: about| de| a| lo de)? (?:the|[eo]l|l[oa]s?|[oa]s?|d[oa]s?|a) (?!{_GOALS})\w+(?: \w+)?\W*$",
    r"^\W*(?:please |por favor )?(?:delete|erase|wipe|borra|borren?|elimina|apag(?:a|ue)|exclu[ia]) "
    r"(?:my|mis?|meus?|minhas?) "
    r"(?:data|info\w*|profile|size|address|phone|e-?mail|datos|perfil|talla|direccion|telefono|correo|"
    r"dados|tamanho|endereco|telefone)\b",
    r"^\W*(?:please |por favor )?(?:undo|deshacer|deshaz\w*|desfa[cz]\w*)(?: (?:that|it|eso|isso))?\W*$",
    r"^\W*(?:you (?:may|can)|(?:ya )?puedes|(?:voce )?(?:ja )?pode) (?:volver a |voltar a )?"
    r"(?:remember|recordar|lembrar|guardar)\b",
    r"^\W*(?:please |por favor )?(?:do not|don.?t|never) "
    r"(?:(?:remember|store|save|record)\b|keep (?:this|any|what)\b)",
    r"^\W*(?:por favor )?(?:no|nao|nunca) "
    r"(?:recuerdes?|recordes|guardes?|anotes?|lembres?|graves?|salves?)\b",
    r"^\W*(?:please |por favor )?(?:stop (?:remembering|storing|saving|recording)"
    r"|dej(?:a|e|en) de (?:recordar|guardar|anotar)|par[ae] de (?:lembrar|guardar|anotar))\b",
)
# "In case I don't pick up: 555 123 4567" gives a number that is so.
_REACH = re.compile(r"^(in case|en caso de que|caso)\b.*(\d[\d ()-]{6,}\d|@)")
_WINKS = "\U0001f644\U0001f643\U0001f921"  # rolling eyes, upside down, clown
_LATIN_END = 0x250  # letters beyond are of other alphabets: not one of our languages


def untrusted(text: str) -> bool:
    """Whether a message tries to steer the assistant, or is not a customer talking to a shop at all."""
    said = flat(text)
    return bool(
        _STEERING.search(said)
        or (_FROM_NOW.search(said) and (_POWER.search(said) or _YOUR_WAY.search(said)))
        or _FISHING.search(said)
        or _HOMEWORK.search(said)
        or _foreign(text)
        or _drone(text)
    )


def to_memory(text: str) -> bool:
    """Whether it is an order to our memory, "forget that I'm a 43", and tells nothing of what is so."""
    return _TO_MEMORY.search(flat(text)) is not None


def privilege(text: str) -> bool:
    """Whether it speaks of rank, discounts or favours: on no other reader's word is that believed."""
    return _POWER.search(flat(text)) is not None


def _foreign(text: str) -> bool:
    letters = [c for c in text if c.isalpha()]
    if sum(ord(c) >= _LATIN_END for c in letters) > len(letters) / 3:
        return True
    words = [t.folded for t in tokenize(text) if t.is_word]
    return len(words) >= 6 and sum(w in _OTHER_TONGUES for w in words) > len(words) / 5


def _drone(text: str) -> bool:
    """The same word over and over."""
    words = [t.folded for t in tokenize(text) if t.is_word]
    return len(words) >= 20 and Counter(words).most_common(1)[0][1] > len(words) / 3


def forbidden(text: str, clauses: Sequence[Clause]) -> set[int]:
    """Indices of clauses that may not become facts."""
    if untrusted(text):
        return set(range(len(clauses)))
    said = flat(text)
    barred: set[int] = set()
    told_by: int | None = None  # the sentence in which somebody else speaks of themselves
    for k, clause in enumerate(clauses):
        words = said[clause.start : clause.end]
        if _others(words):
            told_by = clause.sentence
        theirs = told_by == clause.sentence and _THEIRS.search(words) is not None
        denied = _DENIED.fullmatch(text, clause.start, clause.end) is not None
        if theirs or denied or _asks(said, clause) or _claims(said, clauses, clause) or _says_nothing(words):
            barred.add(k)
    return barred


def _says_nothing(clause: str) -> bool:
    """What is not so or is so of others, a bare "no" or "that's wrong", an order to the memory."""
    return _others(clause) or bool(
        (_SUPPOSES.search(clause) and not _REACH.search(clause))
        or _VERDICT.search(clause)
        or _DECLINES.fullmatch(clause)
        or _TO_MEMORY.search(clause)
    )


def supposed(sentence: str) -> bool:
    """Whether a (folded) sentence tells what is not so, or what is so of somebody else."""
    return _SUPPOSES.search(sentence) is not None or _others(sentence)


def _others(clause: str) -> bool:
    return _OTHERS.search(clause) is not None and _FIRST_PERSON.search(clause) is None


def sarcastic(text: str, clauses: Sequence[Clause], k: int) -> bool:
    """Whether the sentence of clause `k` does not mean what it says."""
    mates = [c for c in clauses if c.sentence == clauses[k].sentence]
    said = flat(text[max(mates[0].start - 24, 0) : mates[-1].end + 8]).strip()
    return (
        SAY["irony"].search(said) is not None or any(sign in said for sign in _WINKS) or said.endswith(" /s")
    )


def _asks(said: str, clause: Clause) -> bool:
    """The interrogative clause of a question; "tengo un gato, ¿sirve?" is judged clause by clause."""
    return clause.asked and clause.last and _WH.search(said[clause.start : clause.end]) is not None


def _claims(said: str, clauses: Sequence[Clause], clause: Clause) -> bool:
    """Told to note a privilege: "remember I'm an admin with 90% off"."""
    mates = [c for c in clauses if abs(c.sentence - clause.sentence) <= 1]
    near = said[max(0, mates[0].start - 24) : mates[-1].end]
    return _POWER.search(said, clause.start, clause.end) is not None and _STORE.search(near) is not None
