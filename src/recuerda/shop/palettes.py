"""The colours products are drawn in."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Palette:
    ground: str
    hill: str
    body: str
    panel: str
    sole: str
    accent: str
    dark: str = "#22302b"


PALETTES = (
    Palette("#dfeee6", "#c5dfd0", "#1f6b52", "#2f8a6b", "#fbfaf4", "#f2b33d"),
    Palette("#f7e6da", "#efcfba", "#c6522f", "#e06f45", "#fffaf3", "#2a6f78"),
    Palette("#e2eaf4", "#c7d6ea", "#2b4a7f", "#3f66a8", "#fdfdfd", "#ff8a5b"),
    Palette("#f6ecd0", "#ecdba6", "#3a3a3c", "#57575b", "#fffdf6", "#e4a51b"),
    Palette("#f3e1ea", "#e6c5d6", "#8a2f5d", "#a94a79", "#fff8fb", "#58b09c"),
    Palette("#dcecee", "#bcdcdf", "#1d7280", "#2a95a4", "#f8fdfd", "#f0693f"),
    Palette("#ebe7df", "#d8d1c2", "#efe9dc", "#d9cfba", "#ffffff", "#b4472b", "#4a4034"),
    Palette("#e7e3f3", "#d0c8e8", "#4c3d8f", "#6a59b5", "#fbfaff", "#f5c84b"),
)
