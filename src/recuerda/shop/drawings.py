"""Pictures of the products, drawn from what the catalogue says of them: kind, terrain, foam, arch.

SVG with presentation attributes only, so that no style is inline and the pages' policy stands.
"""

from collections.abc import Callable
from functools import cache
from zlib import crc32

from recuerda.shop.catalogue import Product
from recuerda.shop.palettes import PALETTES, Palette

_FOAM = {"firm": 20, "balanced": 27, "soft": 36}  # height of the midsole, px


@cache
def draw(product: Product) -> str:
    """An SVG image, 320 by 220."""
    colours = PALETTES[crc32(product.id.encode()) % len(PALETTES)]
    figure = _FIGURES.get(product.kind, _bag)(product, colours)
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 320 220" width="320" height="220">'
        f"{_scene(product, colours)}{figure}</svg>"
    )


def _scene(product: Product, c: Palette) -> str:
    ground = f'<rect width="320" height="220" fill="{c.ground}"/>'
    terrain = product.terrain[0] if product.terrain else ""
    if terrain in ("trail", "mixed"):
        hills = "M0 150 L58 92 L96 124 L150 58 L206 128 L246 100 L320 160 V220 H0 Z"
        return (
            f'{ground}<path d="{hills}" fill="{c.hill}"/><circle cx="262" cy="48" r="20" fill="{c.accent}"/>'
        )
    if terrain == "track":
        lanes = "".join(
            f'<path d="M-20 {y} Q160 {y - 46} 340 {y}" stroke="{c.hill}" stroke-width="5" fill="none"/>'
            for y in range(150, 260, 18)
        )
        return ground + lanes
    if terrain:
        return (
            f'{ground}<rect y="172" width="320" height="48" fill="{c.hill}"/>'
            f'<circle cx="160" cy="104" r="84" fill="{c.hill}"/>'
        )
    return f'{ground}<circle cx="160" cy="110" r="88" fill="{c.hill}"/>'


def _shoe(product: Product, c: Palette) -> str:
    foam = _FOAM.get(product.cushioning, 27)
    floor = 146 + foam
    collar = 52 if "aguacero" in product.id else 64  # a mud collar
    upper = (
        f"M46 142 C38 116 40 90 50 {collar + 8} C54 {collar - 4} 68 {collar - 6} 76 {collar + 4} "
        f"C86 {collar + 16} 106 84 124 78 L138 62 C146 56 156 62 160 72 C178 96 206 110 238 117 "
        "C270 123 290 130 292 146 Z"
    )
    sole = (
        f"M34 138 C80 148 130 134 182 144 S272 148 298 136 C306 150 294 {floor} 264 {floor} "
        f"L72 {floor} C44 {floor} 26 {floor - 8} 34 138 Z"
    )
    parts = [
        f'<ellipse cx="166" cy="{floor + 9}" rx="132" ry="7" fill="{c.dark}" opacity=".16"/>',
        _outsole(product, c, floor),
        f'<path d="{upper}" fill="{c.body}"/>',
        # heel counter, toe cap
        f'<path d="M46 142 C38 116 40 96 46 82 C66 92 78 112 82 144 Z" fill="{c.panel}"/>',
        f'<path d="M292 146 C290 132 270 123 244 118 C246 132 240 142 228 146 Z" fill="{c.panel}"/>',
        # the winding path of the brand, along the side
        '<path d="M84 138 C112 120 126 140 150 122 S184 112 196 102" fill="none" '
        f'stroke="{c.accent}" stroke-width="9" stroke-linecap="round"/>',
        *(
            f'<path d="M{150 + i * 17} {78 + i * 10} l-16 11" stroke="{c.sole}" stroke-width="4" '
            'stroke-linecap="round"/>'
            for i in range(4)
        ),
        f'<path d="{sole}" fill="{c.sole}"/>',
        f'<path d="M44 {floor - 9} C120 {floor - 16} 190 {floor - 4} 282 {floor - 16}" fill="none" '
        f'stroke="{c.hill}" stroke-width="2.5"/>',
    ]
    if "high" in product.arch:  # the bridge under the midfoot
        top = floor - foam * 4 // 5
        parts.append(f'<path d="M128 {floor} C140 {top} 172 {top} 186 {floor} Z" fill="{c.accent}"/>')
    if "flat" in product.arch:  # the dense wedge
        parts.append(f'<path d="M96 {floor} L112 {floor - 12} H196 L214 {floor} Z" fill="{c.accent}"/>')
    return "".join(parts)


def _outsole(product: Product, c: Palette, floor: int) -> str:
    if {"trail", "mixed"} & set(product.terrain):
        lugs = "".join(f"M{x} {floor - 2} h10 l-2 9 h-6 z" for x in range(58, 272, 17))
        return f'<path d="{lugs}" fill="{c.dark}"/>'
    if "track" in product.terrain and product.cushioning == "firm" and not product.arch:
        spikes = "".join(f"M{x} {floor} l3 9 l3 -9 z" for x in range(196, 276, 18))
        return f'<path d="{spikes}" fill="{c.dark}"/>'
    return (
        f'<path d="M66 {floor} H266 C280 {floor} 290 {floor - 6} 294 {floor - 14}" fill="none" '
        f'stroke="{c.dark}" stroke-width="7" stroke-linecap="round"/>'
    )


def _insole(product: Product, c: Palette) -> str:
    foot = (
        "M0 -82 C30 -82 40 -52 34 -18 C30 4 26 22 28 46 C30 74 18 90 0 90 "
        "C-20 90 -32 74 -28 46 C-24 20 -34 -2 -36 -26 C-38 -58 -26 -82 0 -82 Z"
    )
    arch = "M28 -6 C12 6 10 26 26 48" if product.arch else "M-14 60 H14"
    one = (
        f'<path d="{foot}" fill="{c.body}"/><path d="M0 52 a18 20 0 1 0 .1 0" fill="{c.panel}"/>'
        f'<path d="{arch}" fill="none" stroke="{c.accent}" stroke-width="12" stroke-linecap="round"/>'
        f'<path d="M-20 -40 H20 M-22 -28 H22" stroke="{c.sole}" stroke-width="3" opacity=".7"/>'
    )
    return (
        f'<g transform="translate(112 108) rotate(-8)">{one}</g>'
        f'<g transform="translate(208 108) rotate(8) scale(-1 1)">{one}</g>'
    )


def _sock(product: Product, c: Palette) -> str:
    top = 118 if "tobillera" in product.id else 22 if "compresion" in product.id else 56
    leg = (
        f"M122 {top} H174 V124 C176 140 226 142 240 154 C254 168 244 188 224 188 "
        "H150 C128 188 120 172 122 150 Z"
    )
    bands = "".join(
        f'<path d="M124 {y} H173" stroke="{c.panel}" stroke-width="5"/>' for y in range(top + 22, 122, 14)
    )
    return (
        f'<path d="{leg}" fill="{c.body}"/>{bands}'
        f'<path d="M120 {top - 6} H176 V{top + 10} H120 Z" fill="{c.accent}"/>'
        f'<path d="M226 147 C258 156 250 188 224 188 C216 176 216 158 226 147 Z" fill="{c.accent}"/>'
        f'<path d="M122 148 C120 176 130 188 150 188 C152 170 142 152 122 148 Z" fill="{c.accent}"/>'
    )


def _top(c: Palette, *, sleeve: int, low: int = 196) -> str:
    """Body and sleeves; `sleeve` is how far down they reach."""
    side = 58 if sleeve > 120 else 70
    return (
        f'<path d="M116 38 L{side} {sleeve - 14} L{side + 32} {sleeve} L118 92 Z" fill="{c.panel}"/>'
        f'<path d="M204 38 L{320 - side} {sleeve - 14} L{288 - side} {sleeve} L202 92 Z" fill="{c.panel}"/>'
        f'<path d="M112 40 C128 32 136 28 138 26 C146 38 174 38 182 26 C184 28 192 32 208 40 '
        f'L206 {low} H114 Z" fill="{c.body}"/>'
    )


def _trail_line(c: Palette, y: int = 120) -> str:
    return (
        f'<path d="M122 {y + 20} C142 {y} 152 {y + 22} 170 {y + 4} S192 {y - 6} 198 {y - 16}" fill="none" '
        f'stroke="{c.accent}" stroke-width="7" stroke-linecap="round"/>'
    )


def _jacket(product: Product, c: Palette) -> str:
    hood = f'<path d="M132 40 C130 6 190 6 188 40 C176 50 144 50 132 40 Z" fill="{c.panel}"/>'
    zip_ = f'<path d="M160 42 V194" stroke="{c.accent}" stroke-width="4"/>'
    pockets = f'<path d="M128 150 l10 22 M192 150 l-10 22" stroke="{c.dark}" stroke-width="3" opacity=".5"/>'
    return (hood if "chubasco" in product.id else "") + _top(c, sleeve=176) + zip_ + pockets


def _shirt(product: Product, c: Palette) -> str:
    return _top(c, sleeve=96) + _trail_line(c)


def _vest(product: Product, c: Palette) -> str:
    flask = f'<rect x="{{}}" y="92" width="22" height="52" rx="10" fill="{c.sole}" opacity=".95"/>'
    return (
        f'<path d="M118 34 C112 70 106 90 108 186 H152 V34 C146 46 136 46 118 34 Z" fill="{c.body}"/>'
        f'<path d="M202 34 C208 70 214 90 212 186 H168 V34 C174 46 184 46 202 34 Z" fill="{c.body}"/>'
        f'{flask.format(120)}{flask.format(178)}<path d="M152 84 H168 M152 116 H168" stroke="{c.accent}" '
        'stroke-width="7"/>'
    )


def _cap(product: Product, c: Palette) -> str:
    return (
        f'<path d="M84 138 C80 74 120 50 160 50 C204 50 232 84 230 138 Z" fill="{c.body}"/>'
        f'<path d="M160 50 C146 76 142 108 144 138" fill="none" stroke="{c.panel}" stroke-width="4"/>'
        f'<path d="M84 138 H230 C262 140 290 152 292 162 C240 152 150 160 86 152 Z" fill="{c.accent}"/>'
        f'<circle cx="160" cy="50" r="6" fill="{c.accent}"/>'
    )


def _belt(product: Product, c: Palette) -> str:
    return (
        f'<ellipse cx="160" cy="112" rx="118" ry="52" fill="none" stroke="{c.panel}" stroke-width="14"/>'
        f'<rect x="98" y="132" width="124" height="48" rx="20" fill="{c.body}"/>'
        f'<path d="M114 150 H206" stroke="{c.accent}" stroke-width="5" stroke-linecap="round"/>'
    )


def _legs(c: Palette, low: int) -> str:
    return (
        f'<path d="M104 42 H216 L228 {low} H174 L160 96 L146 {low} H92 Z" fill="{c.body}"/>'
        f'<path d="M104 42 H216 L217 58 H103 Z" fill="{c.accent}"/>'
    )


def _shorts(product: Product, c: Palette) -> str:
    return (
        _legs(c, 166) + f'<path d="M114 60 L102 164 M206 60 L218 164" stroke="{c.panel}" stroke-width="10"/>'
    )


def _tights(product: Product, c: Palette) -> str:
    leg = "M108 24 H212 C218 80 212 130 200 200 H172 L160 84 L148 200 H120 C108 130 102 80 108 24 Z"
    return (
        f'<path d="{leg}" fill="{c.body}"/><path d="M108 24 H212 V38 H107 Z" fill="{c.accent}"/>'
        f'<rect x="112" y="76" width="26" height="34" rx="5" fill="{c.panel}"/>'
    )


def _headlamp(product: Product, c: Palette) -> str:
    return (
        f'<path d="M182 104 L300 52 V172 Z" fill="{c.accent}" opacity=".45"/>'
        f'<path d="M52 116 C52 62 150 54 186 92" fill="none" stroke="{c.panel}" stroke-width="20"/>'
        f'<path d="M52 116 C56 150 120 166 172 142" fill="none" stroke="{c.body}" stroke-width="20"/>'
        f'<rect x="146" y="82" width="60" height="58" rx="14" fill="{c.body}"/>'
        f'<circle cx="184" cy="111" r="17" fill="{c.sole}"/>'
        f'<circle cx="184" cy="111" r="9" fill="{c.accent}"/>'
    )


def _bag(product: Product, c: Palette) -> str:
    """Anything else that a catalogue may hold."""
    return (
        f'<rect x="96" y="70" width="128" height="118" rx="16" fill="{c.body}"/>'
        f'<path d="M128 74 C128 28 192 28 192 74" fill="none" stroke="{c.panel}" stroke-width="10"/>'
    )


_FIGURES: dict[str, Callable[[Product, Palette], str]] = {
    "shoe": _shoe,
    "insole": _insole,
    "sock": _sock,
    "jacket": _jacket,
    "shirt": _shirt,
    "vest": _vest,
    "cap": _cap,
    "belt": _belt,
    "shorts": _shorts,
    "tights": _tights,
    "headlamp": _headlamp,
}
