"""Secrets in what people write: card numbers, passwords, one-time codes and government ids.

They are never facts, and are masked before text reaches the vector store, a prompt or a log. A number
is a secret because its own check digits say so, or because the words beside it do; order numbers,
phone numbers, prices and postcodes are left alone.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

Kind = Literal["card", "password", "code", "id", "account"]
Span = tuple[int, int, Kind]


def mask(text: str, before: str = "") -> str:
    """`text` with each secret replaced by `[card]`, `[password]`, `[code]`, `[id]` or `[account]`.

    `before` is what was said just before, so that a bare "771 930" answering "which code?" is seen.
    """
    out, last = [], 0
    for start, end, kind in spans(text, before):
        out += [text[last:start], f"[{kind}]"]
        last = end
    return "".join([*out, text[last:]])


def spans(text: str, before: str = "") -> list[Span]:
    """Where the secrets are, in order and without overlap: `(start, end, kind)` in characters."""
    found = sorted(_candidates(text), key=lambda s: (s[0], s[0] - s[1]))
    if not found and (kind := _asked(before)):
        answer = _BARE_ANSWER.search(text) or (kind == "password" and _BARE_PASSWORD.search(text))
        found = [(*answer.span(1), kind)] if answer else []
    kept: list[Span] = []
    for span in found:
        if not kept or span[0] >= kept[-1][1]:
            kept.append(span)
    return kept


def _digits(text: str) -> list[int]:
    return [int(c) for c in text if c.isdigit()]


def luhn(text: str) -> bool:
    digits = _digits(text)[::-1]
    doubled = sum(sum(divmod(2 * d, 10)) for d in digits[1::2])
    return len(digits) >= 13 and len(set(digits)) > 1 and (sum(digits[::2]) + doubled) % 10 == 0


def _cpf(text: str) -> bool:
    d = _digits(text)
    if len(d) != 11 or len(set(d)) == 1:
        return False
    return all(
        d[n] == (sum(a * b for a, b in zip(d[:n], range(n + 1, 1, -1), strict=True)) * 10 % 11) % 10
        for n in (9, 10)
    )


def _rut(text: str) -> bool:
    body, check = re.sub(r"[^\dkK]", "", text)[:-1], text[-1].upper()
    total = sum(int(d) * (2 + i % 6) for i, d in enumerate(reversed(body)))
    return check == {10: "K", 11: "0"}.get(11 - total % 11, str(11 - total % 11))


def _dni_letter(text: str) -> bool:
    body = text[:-1].rstrip("-").upper()
    number = body.replace("X", "0").replace("Y", "1").replace("Z", "2")
    return text[-1].upper() == "TRWAGMYFPDXBNJZSQVHLCKE"[int(number) % 23]


def _iban(text: str) -> bool:
    compact = re.sub(r"\s", "", text).upper()
    turned = compact[4:] + compact[:4]
    return int("".join(str(int(c, 36)) for c in turned)) % 97 == 1


@dataclass(frozen=True, slots=True)
class _Rule:
    kind: Kind
    pattern: re.Pattern[str]  # its group `s` is the secret
    check: Callable[[str], bool] = lambda _: True


def _rule(kind: Kind, pattern: str, check: Callable[[str], bool] = lambda _: True) -> _Rule:
    return _Rule(kind, re.compile(pattern, re.IGNORECASE), check)


# Words that make the number after them a secret; the gap stays inside the sentence:
# "my PIN for the app is 4821".
_GAP = r"[^\d\n?!;]{0,32}?"
_ID = (
    r"cpf|cnpj|rg|rut|run|dni|nie|nif|curp|rfc|c[eé]dula|ssn|social security|nino|passport|passaporte|"
    r"pasaporte|cuit|cuil|dui|nit|cnh|t[ií]tulo de eleitor|identity card|national id|id number|"
    r"driver'?s licen[cs]e|"
    r"renavam|licencia de conducir|nhs number|nss|ktn|travel+er number|social insurance|"
    r"(?:n[uú]mero|carn[eé]|documento|tarjeta) de (?:identidad|identidade|documento)"
)
_CODE = (
    r"pin|otp|token|2fa|chapa|key ?safe|lock ?box|"
    r"(?:security|verification|access|one[- ]time|confirmation|login|gate|door|lock|alarm|sms|auth\w*) code|"
    r"c[oó]digo(?: de| da| do| del)?(?: la| el)? (?:seguridad|verificaci[oó]n|verifica[cç][aã]o|seguran[cç]a|"
    r"acceso|acesso|confirmaci[oó]n|confirma[cç][aã]o|autentica\w+|sms|puerta|alarma|porta|port[aã]o|alarme|whatsapp)"
)
_KEY_WORDS = r"pass\s?words?|passcode|passphrase|pwd|contrase[nñ]as?|senhas?|claves?"
# A plain "code 1234" is a secret unless it is one of these: postal, product, order, discount...
_PUBLIC = (
    r"zip|post\w*|producto?|produto|item|order|pedido|discount|descuento|desconto|promo\w*|coupon|cup[oó]n|cupom|"
    r"voucher|[aá]rea|dial\w*|country|pa[ií]s|qr|bar|barras|colou?r|cor|error?|erro|tracking|rastre\w*|"
    r"seguimiento|booking|reserva\w*|fault|swift|sort|compra|orden|cliente|customer|referencia|referral|"
    r"modelo?|c[oó]digo de"
)

# An order number of thirteen digits passes Luhn one time in ten.
_NOT_ORDER = "".join(
    f"(?<!{word} )" for word in ("order", "purchase", "pedido", "orden", "compra", "tracking")
)

_RULES = (
    _rule("card", rf"{_NOT_ORDER}(?<![\w.,+-])(?P<s>[2-6]\d{{3}}(?:[ .-]?\d){{9,15}})(?![\w-])", luhn),
    _rule("card", r"(?<![\w+-])(?P<s>[2-6]\d{3}([ -])\d{4}\2\d{4}\2\d{4})(?!\d)"),
    _rule("card", rf"\b(?:card|tarjeta|cart[aã]o|visa|amex)\b{_GAP}(?P<s>\d(?:[ -]?\d){{12,18}})(?!\d)"),
    _rule("code", r"\b(?:cvv2?|cvc|cvn)\b\D{0,12}(?P<s>\d{3,4})\b"),
    _rule("id", r"(?<![\d.])(?P<s>\d{3}\.\d{3}\.\d{3}-\d{2})(?!\d)"),  # CPF as written
    _rule("id", r"(?<![\d.,+-])(?P<s>\d{11})(?![\d.,])", _cpf),
    _rule("id", r"(?<![\d.])(?P<s>\d{2}\.\d{3}\.\d{3}/\d{4}-\d{2})(?!\d)"),  # CNPJ
    _rule("id", r"(?<![\d.])(?P<s>\d{1,2}\.\d{3}\.\d{3}-[\dkK])(?!\w)"),  # RUT, RG
    _rule("id", r"(?<![\d.-])(?P<s>\d{7,8}-[\dkK])(?!\w)", _rut),
    _rule("id", r"\b(?P<s>[A-Z][AEIOUX][A-Z]{2}\d{6}[HMX][A-Z]{5}[A-Z\d]\d)\b"),  # CURP
    _rule("id", r"(?<!\w)(?P<s>(?:\d{8}|[XYZ]\d{7})-?[A-HJ-NP-TV-Z])(?!\w)", _dni_letter),
    _rule("id", r"(?<![\d-])(?P<s>(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4})(?![\d-])"),  # SSN
    _rule(
        "id",
        rf"(?<!\w)(?:{_ID})\b[^\d\n?!;]{{0,40}}?"
        r"(?P<s>\b(?:(?-i:[A-Z]{1,3}) ?)?\d[\d .-]{3,15}(?:\d[A-Z]?|-[kK]))(?!\w)",
    ),
    _rule("id", rf"(?<!\w)(?:{_ID})\b[^\d\n?!;]{{0,12}}?(?P<s>\b[A-Z]+\d[A-Z\d]{{4,}})(?!\w)"),
    _rule("account", r"(?<!\w)(?P<s>[A-Z]{2}\d{2}(?: ?[A-Z\d]{4}){3,7}(?: ?[A-Z\d]{1,3})?)(?!\w)", _iban),
    _rule("account", rf"\b(?:clabe|iban|cbu|cvu)\b{_GAP}(?P<s>\d[\d ]{{14,24}}\d)(?!\d)"),
    _rule("code", rf"(?<!\w)(?:{_CODE})\b{_GAP}(?<![\w,.$-])(?P<s>\d[\d -]{{1,8}}\d#?)(?![\w%])"),
    _rule("code", r"(?<![\w#])(?P<s>\d{4,8}#)(?!\w)"),  # typed on a keypad
    # Keys and tokens by how their makers begin them.
    _rule("password", r"(?<!\w)(?P<s>(?:sk|pk|rk)[-_](?:[a-z]+[-_])?[A-Za-z\d]{16,}[\w-]*)"),
    _rule(
        "password", r"(?<!\w)(?P<s>(?:AKIA|ASIA)[A-Z\d]{16}|gh[pousr]_[A-Za-z\d]{20,}|xox[abprs]-[\w-]{10,})"
    ),
    _rule("password", r"(?<!\w)(?P<s>eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,})"),  # a JWT
)
_PLAIN_CODE = re.compile(
    rf"\b(?:code|c[oó]digo)\b({_GAP})(?<![\w,.$-])(\d{{3}}[ -]?\d{{1,5}})(?![\w%])", re.I
)
_PUBLIC_WORD = re.compile(rf"\b(?:{_PUBLIC})\b", re.I)

# What a password looks like: `Trombone_1988`, `Kumbia#88`. Or any word given as one: "password: kitten".
_MIXED = r"(?=[^\s,;]*\d)(?=[^\s,;]*[A-Za-z])[^\s,;\"'“”]{5,}|\d{3,}[ -]?\d{1,5}#?"
_PASSWORD_NEAR = re.compile(rf"\b(?:{_KEY_WORDS})\b[^\n]{{0,60}}?(?<![\w#/.-])({_MIXED})(?![/%])", re.I)
_PASSWORD_GIVEN = re.compile(
    rf"\b(?:{_KEY_WORDS})\b(?: \w+){{0,4}}?"
    r"(?:\s*[:=]\s*| (?:is|was|es|era|é|eh|foi) )[\"'“]?([^\s,;\"'”]{4,})",
    re.I,
)
# "... to Hunter!2024, the current one is Gr8scott_77": another beside the one a word announced.
_PASSWORD_TOO = re.compile(
    r"\b(?:current|old|new|previous|last|other|actual|anterior|viej[ao]|nuev[ao]|antigu?[ao]|atual|nov[ao]|outr[ao]|"
    r"otr[ao])(?: one)? (?:is|was|es|era|é|foi) ((?=[^\s,;]*\d)(?=[^\s,;]*[A-Za-z])[^\s,;\"'“”]{6,})",
    re.I,
)
_WIFI = re.compile(r"\bwi-?fi\b[^\n?]{0,30}? (?:is|es|é) ((?=\S*\d)(?=\S*[A-Za-z])[\w#@!*-]{6,})", re.I)
_ORDERLY = re.compile(r"\b(?:order|pedido|orden|ticket|tracking|factura|invoice|modelo?)\b", re.I)

# "which code did you get?" answered by nothing but a code.
_BARE_ANSWER = re.compile(r"^\D{0,24}?(?<![\w.,$-])(\d{3}[ -]?\d{1,5}|\d{2}(?:-\d{2}){2,3})[\s.!]*$")
_BARE_PASSWORD = re.compile(r"^[^\d?]{0,24}?(?<![\w-])((?=\S*\d)[A-Za-z]\S{5,}\w[!#$*]?)(?:[\s,.]|$)")
_ASKS: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    ("password", re.compile(rf"(?<!\w)(?:{_KEY_WORDS})\b", re.I)),
    ("id", re.compile(rf"(?<!\w)(?:{_ID})\b", re.I)),
    ("code", re.compile(rf"(?<!\w)(?:{_CODE}|code|c[oó]digo|cvv)\b", re.I)),
)


def _asked(before: str) -> Kind | None:
    if _PUBLIC_WORD.search(before):
        return None
    return next((kind for kind, pattern in _ASKS if pattern.search(before)), None)


@lru_cache(maxsize=200)  # a turn asks about the same words up to six times
def _candidates(text: str) -> tuple[Span, ...]:
    return tuple(_look(text))


def _look(text: str) -> Iterator[Span]:
    for rule in _RULES:
        for match in rule.pattern.finditer(text):
            if rule.check(match["s"]):
                yield (*match.span("s"), rule.kind)
    for match in _PLAIN_CODE.finditer(text):
        if not _PUBLIC_WORD.search(text, max(0, match.start() - 14), match.end(1)):
            yield (*match.span(2), "code")
    for match in _PASSWORD_NEAR.finditer(text):
        if not _ORDERLY.search(text, match.start(), match.start(1)):
            yield (match.start(1), match.start(1) + len(match[1].rstrip(".)")), "password")
    announced = _PASSWORD_NEAR.search(text) is not None
    too = _PASSWORD_TOO.finditer(text) if announced else ()
    for match in (*_PASSWORD_GIVEN.finditer(text), *too, *_WIFI.finditer(text)):
        word = match[1].rstrip(".)")
        if not _WORDS_ABOUT.fullmatch(word) and len(word) >= 4:
            yield (match.start(1), match.start(1) + len(word), "password")


# "my password is wrong" says something about it; "my password is kitten" says it.
_WORDS_ABOUT = re.compile(
    r"wrong|incorrect\w*|invalid\w*|expired?|expirad\w*|vencid\w*|correct[ao]?|correto|blocked|bloquead\w*|locked|lost|"
    r"perdid\w*|stolen|weak|strong|short|long|needed|required|necess\w*|necesari\w*|rejected|reset|being|"
    r"rechazad\w*|inv[aá]lid\w*|muito|demasiado|same|misma|mesma|right|just|still|never|always|what|where|asking|"
    r"sempre|siempre|nunca|para|that|this|esta|essa|aquel\w*|from|about|your|minha|nossa|then|they|when|cuando|quando|"
    r"muy|mala|fraca|forte|segura|secreta|secret|only|s[oó]lo|only|working|saved|showing|also|tamb[eé]m|tambi[eé]n",
    re.I,
)
