"""What customers say and what shops write for the same thing, in three languages.

"The glue gave out" is answered by an article that says "warranty": no word in common, and a small encoder
sees no likeness. Each line below is one concept; a text that has any of its words or phrases gets the
concept as one more search term, whatever its language. Words are folded (no accents, lower case) and
separated by commas; `*` matches any letters. Only what shops and their customers talk about belongs here.
"""

import re
from collections import defaultdict
from functools import cache, lru_cache

from recuerda.language import fold

_CONCEPTS = """\
return: return*, refund*, send back, give back, take * back, change my mind, changed my mind, money
    back, devol*, regres*, retract*, arrepent*, arrepient*, reembols*, desist*, plata de vuelta, dinero
    de vuelta, dinheiro de volta, no me sirv*, nao me serv*, nao serviu, take back, take it back, taken
    back, regresar, para devolver
refund: refund*, reembols*, my money, money back, mi dinero, mi plata, el dinero, la plata, o dinheiro,
    meu dinheiro, estorn*, reintegr*
exchange: exchang*, swap*, another size, one size up, size up, size down, cambi*, troc*, otra talla,
    otro numero, numero siguiente, numero maior, numero menor, tamanho maior, quedaron chic*, quedaron
    grand*, quedo chic*, quedo grand*, ficou pequen*, ficou grand*, ficou apertad*, too small, too big,
    number bigger, talla mas, medio numero, meio numero
warranty: warrant*, peel*, guarant*, defect*, faulty, glue, glued, unglu*, unstitch*, came apart, fell
    apart, gave out, coming off, garant*, defeit*, defectuos*, despeg*, descos*, descol*, se rompio, se
    rompieron, se abrio, quebrou, rasgou, rasg*, after a few months, after half a year, stopped working,
    a los pocos meses, depois de poucos meses, water no longer
cancel: cancel*, call off, before it ships, before it goes out, anul*, antes que despach*, antes de
    que salga, antes de enviar
address: address*, wrong street, direccion*, calle, endereco, rua, zip code, postal code
order_change: edit*, modif*, correct*, fix*, change my order, change the order, corrig*, alterar,
    alterad*, alteracao, arregl*, equivoq*, errei
order: order*, purchase*, bought, pedid*, compr*
tracking: track*, parcel*, where is my, hasn't moved, has not moved, rastre*, guia, seguimiento, sin
    moverse, no se mueve, nao anda, codigo de rastreio, rastream*, codigo
delivery: deliver*, ship*, courier*, carrier*, envi*, entreg*, despach*, frete, domicilio*, reparto,
    paquet*, encomenda, arriv*, lleg*, cheg*
free: free, grat*, sin costo, sem custo, no pago, nao pago
cost: cost*, fee*, price*, charg*, how much, cuest*, precio*, cobr*, vale, preco*, custa*, valor,
    monto, tarifa*
pay: pay*, paid, accept*, acept*, aceit*, card*, pag*, tarjet*, cartao, credit card, debit
instalments: instal*, cuota*, parcel*, meses, sin intereses, sem juros, months, diferir*,
    fraccion*, a plazos, prestac*, split the payment, pay in parts, dividir no cartao, dividir em
discount: discount*, coupon*, promo*, sale, descuent*, cupon*, descont*, cupom, oferta*
size: size*, sizing, talla*, numero*, numer*, tamanh*, tabla, tabela
between: between sizes, between two, entre dos tallas, entre dois numeros, between 3* and, between 4*
    and, entre 3* y, entre 4* y, entre 3* e, entre 4* e, entre el 3*, entre el 4*, entre o 3*, entre o
    4*, half size*, medio numero, meio numero
measure: measur*, ruler, centimet*, medir, mido, mide, medida*, regla, regua, how long is my foot
arch: arch*, flat, footprint*, arco*, plan*, chato*, huella, pegada, wet foot
wide: wide*, width, broad, tight*, squeez*, pinch*, pinky, bunion*, ancho*, aprieta*, apret*,
    juanete*, apert*, joanete*, side of my foot, duermen los dedos, ancha, anchas, largo, largos, larga,
    pe largo
narrow: narrow*, slim*, skinny, thin, angost*, delgad*, estrech*, estreit*, fino, finos, fininho,
    pie fino
pronation: pronat*, supinat*, overpronat*, inward*, ankle*, pronac*, pisada, tobill*, tornozel*,
    roll in, hacia adentro, para dentro
cold: cold*, freez*, winter*, frost*, chilly, frio*, frig*, helad*, invierno, inverno, congel*,
    gelad*
heat: heat*, hot, scorch*, summer*, swelter*, calor*, caluros*, verano, verao, quent*, sofoc*,
    ardient*
rain: rain*, wet*, puddle*, drizzl*, slipper*, lluvi*, mojad*, moja*, molhad*, molha*, chuv*,
    charco*, poca*, resbal*, escorreg*
waterproof: waterproof*, impermeab*, membran*, keep * dry, repel*, water resistant, no se me moj*,
    nao molh*
breathable: breath*, ventilat*, mesh, airy, transpir*, ventil*, respir*, fresc*
altitude: altitud*, altura, bogota, mexico, cidade alta, ciudad alta, high up, mountain city,
    soroche, metros
vegan: vegan*, animal, leather, cuero, couro, vegetal
washing: wash*, odor*, fed*, stench, clean*, dirt*, stain*, smell*, stink*, lavar*, lavo, lava, lavan,
    lavado, lavagem, limp*, ensuci*, suj*, manch*, olor*, huel*, cheir*
drying: dry*, dryer, sec*, sech*, seca*, secador*
wear_out: worn, replac*, lifespan, lifetime, old, gast*, desgast*, reemplaz*, substitu*, trocar, how
    many km, how many miles, cuantos kilometros, quantos quilometros, cuanto duran, quanto dura*,
    retire, aposent*, jubil*, 700 km, km
trial: trial*, try them, tried them, already ran, already run, ya use, ya las use, ran in them, already
    wore, after running, used them, prueba*, probar*, usad*, trot*, ya sali, ya corri, ja corri, ja,
    usei, test*, experiment*
first_race: beginner*, newbie, couch, first, start*, 5k, 10k, principiant*, primer*, empez*,
    empiez*, comec*, iniciant*, primeir*
marathon: marathon*, maraton*
recovery: recover*, rest*, sore, recuper*, descans*, adolorid*, dolorid*, cansad*, day after, dia
    despues, dia seguinte, al otro dia, no dia seguinte, slide*, sandal*, compres*
race: race*, racing, pb, compet*, carrera*, carreir*, corrida*, prova
trail: trail*, mountain*, mud*, hill*, rock*, sendero*, montan*, barro, trilha*, lama, serra, monte
road: road*, asphalt*, pavement, street*, asfalt*, calle, rua
walk: walk*, stand*, camin*, caminh*, parad*, on my feet, de pie, em pe
gym: gym, weights, weightlift*, deadlift*, squat*, crossfit, gimnas*, pesas, sentadill*, academ*,
    agachament*, levantament*
hydration: hydrat*, drink*, vest, bottle*, flask*, hidrat*, agua, chaleco*, botell*, colete, garraf*
light: reflect*, night*, dark*, headlamp, noch*, oscur*, linterna*, frontal, noite*, escur*,
    lantern*
knee: knee*, rodill*, joelh*
plantar: plantar, heel*, fascit*, fascii*, talon*, calcanhar*, taloner*
insole: insole*, inserts, orthotic*, plantill*, palmilh*, ortes*
sock: sock*, media*, calcet*, meia*
blister: blister*, rub*, chaf*, ampoll*, rozad*, bolha*, atrit*
store: store*, shop*, branch*, try on, in person, tienda*, local, locales, sucursal*, loja*, visitar
hours: hour*, open*, clos*, schedul*, horari*, abr*, cierr*, fech*, domingo*
human: human*, person*, agent*, someone, representative*, asesor*, persona*, humano*, atendent*,
    pessoa*, alguien, alguem, talk to, hablar con, falar com
child: child*, kid*, boy*, girl*, nin*, hij*, crianc*, filh*
women: woman*, women*, female, mujer*, dama*, mulher*, feminin*
gift: gift*, present, regal*, present*
holiday: holiday*, christmas, new year*, festiv*, feriad*, navidad, natal, ano nuevo, ano novo,
    thanksgiving
declined: declin*, reject*, rechaz*, recus*, no pasa, nao passa, nao passou, no paso, fail*, failed,
    falla, fallo, falhou
stock: stock*, available, restock*, sold out, out of stock, disponib*, agotad*, esgotad*, estoque
invoice: invoice*, receipt*, tax, factur*, recibo*, boleta*, nota
lost: lost, stolen, missing, perdi*, perdid*, rob*, extravi*, roubad*, sumiu
damaged: damaged, broken, torn, danad*, rot*, golpead*, danific*, quebrad*, rasgad*
late: late, delay*, tard*, demor*, retras*, atras*
store_data: stored on me, know about me, know of me, saben de mi, sabes de mi, sabe de mim, sabem de
    mim, data, datos, dados, remember*, recuerd*, lembr*, forget*, olvid*, esquec*, memor*, delet*,
    borr*, apag*
race_belt: belt*, cinto*, cinturon*, carry my phone, celular, telefone, telefono
"""


# A concept, and the rest of what must be said when the form is more than its first word.
_Form = tuple[str, str | None]
_WORD = re.compile(r"\w+")


@cache
def _forms() -> dict[str, list[_Form]]:
    """By first word, `*` kept: a text's words are looked up here, instead of every form in the text."""
    made: dict[str, list[_Form]] = defaultdict(list)
    for line in re.sub(r"\n +", " ", _CONCEPTS).strip().splitlines():
        name, _, forms = line.partition(":")
        for form in map(str.strip, forms.split(",")):
            first = re.findall(r"\w+\*?", form)[0]
            made[first].append((f"§{name}", None if first == form else form))
    return made


@lru_cache(maxsize=100_000)
def _begun(word: str) -> tuple[_Form, ...]:
    """The forms a word of a text begins."""
    heads = [word, *(f"{word[:end]}*" for end in range(1, len(word) + 1))]
    return tuple(form for head in heads for form in _forms().get(head, ()))


@cache
def _pattern(form: str) -> re.Pattern[str]:
    letters = r"\w*".join(re.escape(part) for part in form.split("*"))
    return re.compile(rf"\b{letters}\b")


def concepts(text: str) -> list[str]:
    """The concepts a text speaks of, each once, as search terms that no word can be mistaken for."""
    folded = fold(text)
    begun = {form for word in set(_WORD.findall(folded)) for form in _begun(word)}
    return sorted({name for name, form in begun if form is None or _pattern(form).search(folded)})
