"""`rule`, `config` and `clean`: what there is to read and to tidy up besides checking."""

from __future__ import annotations

import json
import os
import shutil
from typing import Annotated

import typer

from lintloss.cache import FOLDER
from lintloss.config import KEYS, Config, Configurations
from lintloss.errors import UsageError
from lintloss.registry import Entry, choose, entries


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("rule")(rule)
    app.command("config")(config)
    app.command("clean")(clean)


def rule(
    names: Annotated[list[str] | None, typer.Argument(help="Rules by code, prefix or name.")] = None,
    all_rules: Annotated[bool, typer.Option("--all", help="Every rule there is.")] = False,
    catalog: Annotated[bool, typer.Option("--catalog", help="The text of rules/README.md.")] = False,
    output_format: Annotated[str, typer.Option(help="text, markdown or json.")] = "text",
) -> int:
    """Print the page of a rule: what it reports, why, what to do instead, with examples."""
    from lintloss.report import rule_page

    if output_format not in ("text", "markdown", "json"):
        raise UsageError(f"a rule's page is text, markdown or json, not {output_format!r}")
    if not (names or all_rules or catalog):
        raise UsageError("which rule?", hint="lintloss rule LL101, or --all")
    known = entries()
    chosen = known if all_rules or catalog else _chosen(known, names or [])
    rules = [entry.load() for entry in chosen]
    if catalog:
        typer.echo(rule_page.catalog(rules), nl=False)
    elif all_rules and output_format == "text":
        typer.echo("".join(f"{each.code}  {each.name}: {rule_page.page(each).summary}\n" for each in rules), nl=False)
    elif all_rules and output_format == "json":  # a list, even of one
        typer.echo(json.dumps([rule_page.as_json(rule_page.page(each)) for each in rules], indent=2))
    else:
        typer.echo(rule_page.render_pages([rule_page.page(each) for each in rules], output_format), nl=False)
    return 0


def _chosen(known: tuple[Entry, ...], names: list[str]) -> tuple[Entry, ...]:
    choice = choose(known, select=names)
    return tuple(entry for entry in known if entry.code in choice)


def config(
    schema: Annotated[bool, typer.Option("--schema", help="The JSON schema of the configuration.")] = False,
    path: Annotated[str, typer.Argument(help="Show what holds for this file or folder.")] = ".",
    isolated: Annotated[bool, typer.Option("--isolated", help="Show the defaults.")] = False,
) -> int:
    """Show the configuration that holds, where it comes from, and what each key means."""
    if schema:
        from lintloss.config_schema import schema as describe

        typer.echo(json.dumps(describe(), indent=2))
        return 0
    absolute = os.path.abspath(path)
    held = Configurations(isolated=isolated).of(absolute if os.path.isdir(absolute) else os.path.dirname(absolute))
    typer.echo(f"# {held.path or 'the defaults: no configuration file speaks of lintloss'}")
    defaults = Config()
    for key, each in KEYS.items():
        value, usual = getattr(held, each.name), getattr(defaults, each.name)
        mark = "" if value == usual else "  # set"
        typer.echo(
            f"\n# {each.metadata['doc']}\n{'# ' if value is None else ''}{key} = {_toml(value, each.metadata['kind'])}{mark}"
        )
    return 0


def _toml(value: object, kind: str = "") -> str:
    if value is None:
        return "(unset)"
    if not value and kind.startswith("table"):
        return "{}"
    if isinstance(value, dict) or (isinstance(value, tuple) and value and isinstance(value[0], tuple)):
        pairs = ", ".join(f"{json.dumps(str(key))} = {_toml(each)}" for key, each in dict(value).items())
        return f"{{{pairs}}}"
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(value)


def clean(
    path: Annotated[str, typer.Argument(help="The folder whose cache is removed.")] = ".",
) -> int:
    """Remove the cached results."""
    held = Configurations().of(os.path.abspath(path))
    folder = held.cache_dir or os.path.join(held.root, FOLDER)
    if os.path.isdir(folder):
        shutil.rmtree(folder)
        typer.echo(f"removed {folder}")
    else:
        typer.echo(f"no cache at {folder}")
    return 0
