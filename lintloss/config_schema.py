"""The JSON schema of the configuration, from the fields of Config: what editors complete and check against."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from lintloss.config import CONFIDENCES, KEYS, SEVERITIES, Config

_STRINGS = {"type": "array", "items": {"type": "string"}}
_KINDS: dict[str, dict[str, Any]] = {
    "strings": _STRINGS,
    "bool": {"type": "boolean"},
    "path": {"type": "string"},
    "table": {"type": "object"},
    "table of strings": {"type": "object", "additionalProperties": _STRINGS},
    "severity": {"enum": list(SEVERITIES)},
    "confidence": {"enum": list(CONFIDENCES)},
}


def schema() -> dict[str, Any]:
    """Describe [tool.lintloss], all of a lintloss.toml, as a JSON schema (draft 2020-12)."""
    defaults = {each.name: getattr(Config(), each.name) for each in fields(Config)}
    properties: dict[str, Any] = {
        "extend": {"type": "string", "description": "A configuration file whose keys hold unless they are given here."}
    }
    for key, each in KEYS.items():
        properties[key] = {**_KINDS[each.metadata["kind"]], "description": each.metadata["doc"]}
        default = defaults[each.name]
        if isinstance(default, bool | str):
            properties[key]["default"] = default
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "lintloss",
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
    }
