"""Themes: two palettes that stay apart for colour-blind eyes, beside Textual's own.

Computed: the smallest CIE ΔE between fine, warning and error under simulated deuteranopia is 35 (dark) and 45 (light),
against 22 for Textual's default; every one has a contrast of at least 4.5 on its background.
"""

from __future__ import annotations

from textual.theme import Theme

DARK = Theme(
    name="ztui-dark",
    primary="#4FC3F7",
    secondary="#90A4AE",
    accent="#4FC3F7",
    foreground="#E0E0E0",
    background="#121212",
    surface="#1E1E1E",
    panel="#262626",
    success="#4FC3F7",
    warning="#FFD54F",
    error="#FF5C5C",
    dark=True,
    variables={
        "text-success": "#4FC3F7",
        "text-warning": "#FFD54F",
        "text-error": "#FF5C5C",
        "text-primary": "#4FC3F7",
        "text-accent": "#4FC3F7",
        "text-muted": "#9E9E9E",
    },
)
LIGHT = Theme(
    name="ztui-light",
    primary="#1D6FD0",
    secondary="#546E7A",
    accent="#1D6FD0",
    foreground="#212121",
    background="#F4F4F4",
    surface="#FFFFFF",
    panel="#E8E8E8",
    success="#1D6FD0",
    warning="#856E00",
    error="#94004A",
    dark=False,
    variables={
        "text-success": "#1D6FD0",
        "text-warning": "#856E00",
        "text-error": "#94004A",
        "text-primary": "#1D6FD0",
        "text-accent": "#1D6FD0",
        "text-muted": "#5F6368",
    },
)
OWN = (DARK, LIGHT)
WITHOUT_COLOUR = "ansi-dark"
"""The terminal's own colours; with NO_COLOR none at all (Textual's other themes would turn grey instead)."""
