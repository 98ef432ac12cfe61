"""How a flag is declared to Typer, for the commands that have many: its names, its help, its panel."""

from __future__ import annotations

import typer


def option(names: str, text: str, panel: str, metavar: str | None = None) -> typer.models.OptionInfo:
    """Declare an option by its names, separated by blanks."""
    info = typer.Option(*names.split(), help=text, rich_help_panel=panel, metavar=metavar)
    assert isinstance(info, typer.models.OptionInfo)
    return info
