"""What one `check` command sets up once: configurations, rules, project, engines, the cache."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

import lintloss
from lintloss.cache import FOLDER, Cache, stamp
from lintloss.command.options import Options
from lintloss.config import Config, Configurations
from lintloss.discover import DEFAULT_EXCLUDE, Excludes, Found, Source, discover
from lintloss.errors import ConfigError, UsageError
from lintloss.globs import Patterns
from lintloss.registry import Choice, Entry, choose, entries, known
from lintloss.sweep import Plan, Sweep, sweep

if TYPE_CHECKING:
    from lintloss.engine import Engine
    from lintloss.facts import Project
    from lintloss.judge import Bench


class Session:
    """Everything that the files of one run share.

    Raises: ConfigError, UsageError: as soon as something asked for does not exist.
    """

    def __init__(self, options: Options) -> None:
        self.options = options
        self.configurations = Configurations(options.config, isolated=options.isolated, overrides=options.overrides())
        self.entries: tuple[Entry, ...] = entries()
        self._known = known(self.entries)
        self._engines: dict[str, Engine] = {}
        self._benches: dict[str, Bench] = {}
        self._folders: dict[str, Excludes] = {}
        self._project: Project | None = None
        self.config = self.configurations.of(os.getcwd())
        self._choose(self.config)  # a selector that fits no rule is told before any file is read

    def bench(self, config: Config) -> Bench:
        key = repr((config.select, config.extend_select, config.ignore))
        if key not in self._benches:
            from lintloss.judge import Bench

            self._benches[key] = Bench(self.entries, self._choose(config))
        return self._benches[key]

    def _choose(self, config: Config) -> Choice:
        try:
            return choose(self.entries, select=config.select, extend=config.extend_select, ignore=config.ignore)
        except UsageError as failure:
            if self.options.select is not None or not config.path:
                raise
            raise ConfigError(failure.what, where=config.path, hint=failure.hint) from None

    def discover(self) -> Found:
        paths = self.options.paths or (os.curdir,)
        return discover(paths, excludes_of=self._excludes, force_exclude=self.config.force_exclude)

    def _excludes(self, folder: str) -> Excludes:
        config = self.configurations.of(folder)
        key = config.path or config.root
        if key not in self._folders:
            own = DEFAULT_EXCLUDE if config.exclude is None else config.exclude
            named = () if config.exclude is None else (Patterns(config.root, own),)
            default = (Patterns(os.sep, DEFAULT_EXCLUDE),) if config.exclude is None else ()
            extended = (Patterns(config.root, config.extend_exclude),) if config.extend_exclude else ()
            self._folders[key] = Excludes((*default, *named, *extended), config.respect_gitignore)
        return self._folders[key]

    def engine_of(self, folder: str) -> Engine:
        """Return the engine for files of the absolute `folder`."""
        config = self.configurations.of(folder)
        key = config.digest
        if key not in self._engines:
            from lintloss.engine import Engine

            self._engines[key] = Engine(self.bench(config), self._known, self.project, self._off_in(config))
        return self._engines[key]

    def project(self) -> Project:
        """Return what imports are resolved with; it remembers every file that it parses."""
        if self._project is None:
            from lintloss.engine import load_module
            from lintloss.facts import Project

            self._project = Project(load_module, roots=(os.curdir,))
        return self._project

    def _off_in(self, config: Config) -> Callable[[str], frozenset[str]]:
        """Answer which codes per-file-ignores leave out of a file."""
        rules = [
            (Patterns(config.root, (pattern,)), frozenset(self._covered(config, codes)))
            for pattern, codes in config.per_file_ignores
        ]

        def off_in(path: str) -> frozenset[str]:
            if not rules:
                return frozenset()
            absolute = os.path.abspath(path)
            return frozenset(code for patterns, codes in rules if _covers(patterns, absolute) for code in codes)

        return off_in

    def _covered(self, config: Config, selectors: tuple[str, ...]) -> frozenset[str]:
        try:
            chosen = choose(self.entries, select=selectors)
        except UsageError as failure:
            raise ConfigError(failure.what, where=config.path, hint=failure.hint) from None
        return chosen.asked | chosen.default if selectors else frozenset()

    def sweep(self, sources: list[Source]) -> Sweep:
        cache = self._cache()
        jobs = self.options.jobs or (os.cpu_count() or 1)
        plan = Plan(
            engine_of=lambda source: self.engine_of(source.folder),
            key_of=lambda source: self.configurations.of(source.folder).digest,
            recall=cache.get,
            remember=cache.put,
            jobs=jobs,
        )
        result = sweep(sources, plan)
        cache.save()
        return result

    def _cache(self) -> Cache:
        folder = None if self.options.no_cache else (self.config.cache_dir or os.path.join(self.config.root, FOLDER))
        return Cache(folder, stamp(self._program_folders()) if folder else ())

    def _program_folders(self) -> list[str]:
        own = os.path.dirname(os.path.abspath(lintloss.__file__))
        return [own, *(os.path.dirname(each.path) for each in self.entries)]


def _covers(patterns: Patterns, path: str) -> bool:
    """A pattern covers a file if it names it, or a folder that it is in."""
    if patterns.verdict(path, False):
        return True
    folder = os.path.dirname(path)
    while len(folder) >= len(patterns.root):
        if patterns.verdict(folder, True):
            return True
        folder = os.path.dirname(folder)
    return False
