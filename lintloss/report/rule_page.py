"""A rule's page, made from its docstring and examples: what `lintloss rule`, SARIF, hovers and rules/README.md show."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lintloss.findings import Severity
from lintloss.patterns import regex
from lintloss.rule import MARK, Bad, Good, Rule

HOME = "https://github.com/lintloss/lintloss"
CATALOG_URL = HOME + "/blob/main/rules/README.md"
SECTIONS = ("Why", "Instead", "Fix", "Source")
_HEADING = regex(r"^(?:#+ *)?(Why|Instead|Fix|Source)(?::|[ \t]*$)[ \t]*(.*)$")
_UNDERLINE = regex(r"^[-=~]{3,}$")


@dataclass(frozen=True, slots=True, kw_only=True)
class RulePage:
    """Everything that a reader is told about one rule."""

    code: str
    name: str
    summary: str
    severity: Severity
    why: str = ""
    instead: str = ""
    fix: str = ""
    source: str = ""
    confirmed_by: str = ""
    since: str = ""
    enabled: bool = True
    fixable: bool = False
    bad: tuple[Bad, ...] = ()
    good: tuple[Good, ...] = ()

    @property
    def url(self) -> str:
        return rule_url(self.code, self.name)

    @property
    def title(self) -> str:
        return f"{self.code} {self.name}"


def rule_url(code: str, name: str) -> str:
    """Return the address of a rule in the published catalog."""
    return f"{CATALOG_URL}#{code.lower()}-{name}"


def page(rule: type[Rule]) -> RulePage:
    """Read a rule's page off its class."""
    summary, sections = _read_docstring(rule.__doc__ or "")
    bad, good = tuple(getattr(rule, "bad", ())), tuple(getattr(rule, "good", ()))
    return RulePage(
        code=rule.code,
        name=rule.name,
        summary=summary,
        severity=_usual_severity(bad),
        why=sections.get("Why", ""),
        instead=sections.get("Instead", ""),
        fix=sections.get("Fix", ""),
        source=sections.get("Source", ""),
        confirmed_by=getattr(rule, "confirmed_by", ""),
        since=rule.since,
        enabled=rule.enabled,
        fixable=has_fix(rule) and any(example.fixed is not None for example in bad),
        bad=bad,
        good=good,
    )


def has_fix(rule: type[Rule]) -> bool:
    """Say whether a rule can fix what it finds: it defines `fix`, or what it watches brings its repair along."""
    return rule.fix is not Rule.fix or any("repair" in seen.__slots__ for seen in rule.watches)


def _usual_severity(bad: Sequence[Bad]) -> Severity:
    levels = Counter(example.severity for example in bad if not example.miss)
    return max(levels, key=lambda level: (levels[level], level), default=Severity.WARNING)


def _read_docstring(docstring: str) -> tuple[str, dict[str, str]]:
    """Split into the summary paragraph and the text under each heading ("Why:", "Why" or "## Why")."""
    found: dict[str, list[str]] = {"": []}
    current = ""
    for line in _dedent(docstring):
        heading = _HEADING.match(line)
        if heading:
            current = heading.group(1)
            found[current] = [heading.group(2)]
        elif not _UNDERLINE.match(line):
            found[current].append(line)
    summary = "\n".join(found.pop("")).strip().split("\n\n")[0]
    return " ".join(summary.split()), {name: _text(lines) for name, lines in found.items()}


def _dedent(docstring: str) -> list[str]:
    lines = docstring.expandtabs().split("\n")
    margins = [len(line) - len(line.lstrip()) for line in lines[1:] if line.strip()]
    margin = min(margins, default=0)
    return [lines[0].strip(), *(line[margin:].rstrip() for line in lines[1:])]


def _text(lines: Sequence[str]) -> str:
    """Return a section's text with its own indentation taken off (the first line may stand beside the heading)."""
    return "\n".join(_dedent("\n".join(lines))).strip()


def as_markdown(shown: RulePage, *, level: int = 1, examples: int | None = None) -> str:
    """Render a page as Markdown; `examples` caps the number of each kind."""
    mark = "#" * level
    parts = [f"{mark} {shown.title}", shown.summary, _facts(shown)]
    for heading, text in _sections(shown):
        parts += [f"{mark}# {heading}", text]
    for bad in shown.bad[:examples]:
        parts += [f"{mark}# Reported: {bad.why}", _code(bad.code, dict(bad.files))]
        parts += [_repaired(shown), _code(bad.fixed, {})] if bad.fixed else []
    for good in shown.good[:examples]:
        parts += [f"{mark}# Not reported: {good.why}", _code(good.code, dict(good.files))]
    return "\n\n".join(part for part in parts if part) + "\n"


def _facts(shown: RulePage) -> str:
    fixable = "has a fix" if shown.fixable else "has no fix"
    enabled = "on by default" if shown.enabled else "off by default"
    return f"Usually {_article(shown.severity.label)}; {fixable}; {enabled}; since {shown.since}."


def _repaired(shown: RulePage) -> str:
    return "After the fix:" if shown.fixable else "Repaired by hand:"


def _article(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"


def _sections(shown: RulePage) -> list[tuple[str, str]]:
    texts = (shown.why, shown.instead, shown.fix, shown.source)
    named = [*zip(SECTIONS, texts, strict=True), ("Confirmed by", shown.confirmed_by)]
    return [(heading, text) for heading, text in named if text]


def _code(code: str, files: dict[str, str]) -> str:
    return "\n\n".join([_fence(code), *(f"with `{path}`:\n\n{_fence(text)}" for path, text in files.items())])


def _fence(code: str) -> str:
    body = code.strip("\n").replace(MARK, "# <- reported")
    fence = "```" if "```" not in body else "````"
    return f"{fence}python\n{body}\n{fence}"


def as_text(shown: RulePage) -> str:
    """Render a page for a terminal, without markup: headings, indented sections, examples with their reasons."""
    parts = [shown.title, shown.summary, _facts(shown)]
    parts += [f"{heading}\n{_indent(text)}" for heading, text in _sections(shown)]
    for bad in shown.bad:
        parts.append(f"Reported: {bad.why}\n{_listing(bad.code, dict(bad.files))}")
        if bad.fixed:
            parts.append(f"{_repaired(shown)}\n{_indent(bad.fixed.strip(chr(10)))}")
    parts += [f"Not reported: {good.why}\n{_listing(good.code, dict(good.files))}" for good in shown.good]
    return "\n\n".join([*parts, shown.url]) + "\n"


def _listing(code: str, files: dict[str, str]) -> str:
    named = [_indent(code.strip("\n").replace(MARK, "# <- reported"))]
    named += [f"  with {path}:\n{_indent(text.strip(chr(10)))}" for path, text in files.items()]
    return "\n".join(named)


def _indent(text: str) -> str:
    return "\n".join(f"    {line}" if line else "" for line in text.split("\n"))


def as_json(shown: RulePage) -> dict[str, object]:
    """Return a page as plain data."""
    return {
        "code": shown.code,
        "name": shown.name,
        "summary": shown.summary,
        "severity": shown.severity.label,
        "enabled": shown.enabled,
        "fixable": shown.fixable,
        "since": shown.since,
        "why": shown.why,
        "instead": shown.instead,
        "fix": shown.fix,
        "source": shown.source,
        "confirmed_by": shown.confirmed_by,
        "bad": [_example(bad) | {"severity": bad.severity.label, "fixed": bad.fixed} for bad in shown.bad],
        "good": [_example(good) for good in shown.good],
        "url": shown.url,
    }


def _example(example: Bad | Good) -> dict[str, object]:
    return {"why": example.why, "code": example.code, "files": dict(example.files)}


def render_pages(pages: Sequence[RulePage], output_format: str = "text") -> str:
    """Render one or several pages for `lintloss rule` as text, markdown or json (a single page is one object)."""
    if output_format == "json":
        shown = [as_json(one) for one in pages]
        return json.dumps(shown[0] if len(shown) == 1 else shown, indent=2) + "\n"
    if output_format == "markdown":
        return "\n".join(as_markdown(one) for one in pages)
    return ("\n" + "-" * 72 + "\n\n").join(as_text(one) for one in pages)


def catalog(rules: Iterable[type[Rule]]) -> str:
    """Return the text of rules/README.md: a table of all rules, then the page of each with two examples a kind."""
    pages = [page(rule) for rule in sorted(rules, key=lambda rule: rule.code)]
    rows = [_row(shown) for shown in pages]
    head = [
        "# Rules",
        "Generated from the rule files by `lintloss rule --catalog`; edit those.",
        "\n".join(["| code | name | what it reports | usually | fix |", "| --- | --- | --- | --- | --- |", *rows]),
    ]
    return "\n\n".join([*head, *(as_markdown(shown, level=2, examples=2).rstrip("\n") for shown in pages)]) + "\n"


def _row(shown: RulePage) -> str:
    summary = shown.summary.replace("|", "\\|")
    name = shown.name if shown.enabled else f"{shown.name} (off by default)"
    anchor = f"#{shown.code.lower()}-{shown.name}"
    fix = "yes" if shown.fixable else ""
    return f"| [{shown.code}]({anchor}) | {name} | {summary} | {shown.severity.label} | {fix} |"
