from datetime import timedelta
from pathlib import Path

import pytest

from recuerda.errors import SetupError
from recuerda.extraction.catalogue import load_catalogue
from recuerda.extraction.embedded import EmbeddedExtractor
from recuerda.extraction.normalise import read_all
from recuerda.extraction.values import email, money, phone, size
from recuerda.models import Category, Sensitivity
from tests.extraction.conftest import turns, values


def test_the_shipped_catalogue_knows_what_others_rely_on() -> None:
    catalogue = load_catalogue()
    for name in ("shoe_size", "arch_type", "foot_width", "pronation", "return", "keep", "cushioning", "city"):
        assert catalogue.is_single(name), name
    for name in ("allergy", "problem", "brand", "terrain", "pet", "diet"):
        assert not catalogue.is_single(name), name
    assert catalogue.sensitivity(Category.HEALTH, None) is Sensitivity.SPECIAL
    assert catalogue.sensitivity(Category.FIT, "shoe_size") is Sensitivity.PERSONAL
    assert catalogue.lifetime(Category.INTENT, "return") == timedelta(days=60)
    assert catalogue.lifetime(Category.FIT, "shoe_size") is None


def test_a_brand_adds_its_own(tmp_path: Path) -> None:
    extension = tmp_path / "ours.yaml"
    extension.write_text(
        "racket_grip:\n  category: fit\n  words: \\bgrip\\b|empunadura\n  choices:\n    thick: thick|"
        "grueso\n    thin: thin|fino\n"
    )
    extractor = EmbeddedExtractor(catalogue=load_catalogue(extension))
    assert values(extractor.extract_now(turns("I always play with a thick grip")))["racket_grip"] == "thick"
    assert "shoe_size" in load_catalogue(extension)


@pytest.mark.parametrize(
    "text", ["x:\n  colour: red\n", "x:\n  category: fit\n  words: '('\n", "- a\n", "x: ]\n"]
)
def test_a_catalogue_that_makes_no_sense_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(SetupError, match="not understood"):
        load_catalogue(path)


def test_a_missing_catalogue_is_named(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="cannot be read"):
        load_catalogue(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("clause", "category", "attribute", "value"),
    [
        ("I have high arches", "fit", "arch_type", "high"),
        ("tengo arco alto", "fit", "arch_type", "high"),
        ("tengo el puente alto", "fit", "arch_type", "high"),
        ("tenho pé cavo", "fit", "arch_type", "high"),
        ("tengo pie plano", "fit", "arch_type", "flat"),
        ("tengo pie ancho", "fit", "foot_width", "wide"),
        ("meu pé é largo", "fit", "foot_width", "wide"),
        ("soy pronador", "fit", "pronation", "overpronation"),
        ("calzo 42", "fit", "shoe_size", "42"),
        ("I wear a 9.5", "fit", "shoe_size", "9.5"),
        ("uso camisetas talla M", "fit", "garment_size", "M"),
        ("soy alérgico a los frutos secos", "health", "allergy", "nuts"),
        ("sou vegana", "preference", "diet", "vegan"),
        ("mi presupuesto es de 120 dólares", "preference", "budget", "120 USD"),
        ("meu orçamento é até R$ 600", "preference", "budget", "600 BRL"),
        ("corro en asfalto", "activity", "terrain", "road"),
        ("corro 30 km por semana", "activity", "training_volume", "30 km por semana"),
        ("me llamo Lucía", "identity", "name", "Lucía"),
        ("vivo en Medellín", "location", "city", "Medellín"),
        ("escríbanme por WhatsApp", "contact", "contact_channel", "whatsapp"),
        ("quiero devolverlas", "intent", "return", "yes"),
        ("no las voy a devolver", "intent", "return", "no"),
        ("vou ficar com eles", "intent", "keep", "yes"),
        ("llegó roto", "issue", "problem", "damaged"),
    ],
)
def test_values_are_free_of_language(clause: str, category: str, attribute: str, value: str) -> None:
    reading = next(iter(read_all(clause, load_catalogue(), Category(category), language="es")), None)
    assert reading is not None
    assert (reading.attribute.name, reading.value) == (attribute, value)


def test_values() -> None:
    assert size("41, digo, 42", letters=False) == "42"
    assert size("talla 8 y medio", letters=False) == "8.5"
    assert size("size xl", letters=True) == "XL"
    assert money("$1.299.000") == "1299000"
    assert money("50 mil pesos") == "50000"
    assert email("write to Ana.Perez@Gmail.com.") == "ana.perez@gmail.com"
    assert phone("+57 310 555 0134") == "+573105550134"
    assert phone("room 305") is None
