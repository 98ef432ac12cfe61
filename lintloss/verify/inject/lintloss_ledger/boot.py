"""Stage: start-up of an instrumented process: import hooks for torch and the flagged files, the end of the ledger."""

from __future__ import annotations

import atexit
import builtins
import os
import sys
from importlib.machinery import ModuleSpec, SourceFileLoader
from types import CodeType, ModuleType

from . import tracebacks
from .ledger import TYPE_CHECKING, Ledger
from .plan import Plan, read_plan
from .values import Values

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

FUNCTIONAL = "torch.nn.functional"
PADDING = "torch.nn.utils.rnn"
LOADERS = "torch.utils.data.dataloader"
DYNAMO = "torch._dynamo.eval_frame"


class Boot:
    """The hooks of one process and what they share."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.ledger = Ledger(plan.folder)
        self.values = Values(self.ledger)
        self.recorder: Any = None
        self.after: dict[str, Callable[[ModuleType], None]] = {
            FUNCTIONAL: self.on_functional,
            PADDING: self.on_padding,
            DYNAMO: self.on_dynamo,
            "traceback": tracebacks.on_traceback,
        }
        if plan.watches_data:
            self.after[LOADERS] = self.on_loaders

    def on_functional(self, module: ModuleType) -> None:
        """torch.nn.functional has just been executed, and nobody has taken a name out of it yet."""
        from . import install

        try:
            self.recorder = install.install(self.plan, self.ledger, module)
        except Exception as error:  # `import torch` must not fail because of the recorder
            self.ledger.note("failure", error=f"the recorder could not be installed: {error!r}")
        self.values.recorder = self.recorder

    def on_padding(self, module: ModuleType) -> None:
        """torch.nn.utils.rnn has been executed: what rows are padded with is known from pad_sequence."""
        if self.recorder is not None:
            from . import passive

            module.pad_sequence = passive.pad_sequence(self.recorder, module.pad_sequence)  # type: ignore[attr-defined]

    def on_loaders(self, module: ModuleType) -> None:
        """torch.utils.data.dataloader has been executed: a finding or --data asks what loaders hand out."""
        from . import loaders

        # It is imported before torch.nn.functional, and no loader is made before there is a recorder.
        loaders.Loaders(
            self.ledger, lambda name: self.recorder is not None and self.recorder.sites.is_users(name)
        ).install(module)

    def on_dynamo(self, module: ModuleType) -> None:
        """torch._dynamo.eval_frame has been executed: something may be compiled from now on."""
        from . import dynamo

        try:
            dynamo.keep_out(module)
        except Exception as error:  # as above
            self.ledger.note("failure", error=f"compiled code may meet the recorder: {error!r}")

    def rewritten(self, path: str, source: bytes, name: str) -> CodeType:
        from . import rewrite

        overlay = self.plan.overlays.get(os.path.realpath(path))
        if overlay is not None:
            source = overlay.encode()
        return rewrite.compile_recorded(self.plan, self.ledger, path, source, name)

    def finish(self) -> None:
        """Write what is still on a device and say that the process ended in order."""
        if not self.ledger.opened:
            return
        try:
            if self.recorder is not None:
                self.recorder.pending.drain()
                if self.recorder.data is not None:
                    self.recorder.data.finish(self.recorder)
        finally:
            self.ledger.note("end", spent=self.ledger.spent)


class Finder:
    """Answers for torch's watched modules and for flagged files; other imports are turned away by their last name."""

    def __init__(self, boot: Boot) -> None:
        self._boot = boot
        self._names = boot.plan.basenames

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        after = self._boot.after.get(fullname)
        if after is None and fullname.rpartition(".")[2] not in self._names:
            return None
        spec = self._ask_others(fullname, path, target)
        if spec is None or spec.loader is None:
            return spec
        if after is not None:
            spec.loader = AfterLoader(spec.loader, after)  # type: ignore[assignment]  # a loader by its methods; importlib.abc costs 24 ms
        elif spec.origin and os.path.realpath(spec.origin) in self._boot.plan.files:
            spec.loader = FlaggedLoader(fullname, spec.origin, self._boot)
        return spec

    def _ask_others(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None) -> ModuleSpec | None:
        for finder in sys.meta_path:
            if finder is self or not hasattr(finder, "find_spec"):
                continue
            spec = finder.find_spec(fullname, path, target)
            if spec is not None:
                return spec
        return None


class AfterLoader:
    """Runs a callback when a module has been executed, then takes itself out of the module's way."""

    def __init__(self, inner: Any, callback: Callable[[ModuleType], None]) -> None:
        self._inner = inner
        self._callback = callback

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        create = getattr(self._inner, "create_module", None)
        return None if create is None else create(spec)

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__ is not None:
            module.__spec__.loader = self._inner
        module.__loader__ = self._inner
        self._inner.exec_module(module)
        self._callback(module)


class FlaggedLoader(SourceFileLoader):
    """Compiles a flagged file with its expressions recorded; never reads or writes a .pyc."""

    def __init__(self, fullname: str, path: str, boot: Boot) -> None:
        super().__init__(fullname, path)
        self._boot = boot

    def get_code(self, fullname: str) -> CodeType:
        return self._boot.rewritten(self.path, self.get_data(self.path), fullname)


def start(plan_path: str) -> None:
    try:
        plan = read_plan(plan_path)
    except OSError:
        return  # the run is over (a process that outlived it): nothing to record for
    boot = Boot(plan)
    builtins.__lintloss_value__ = boot.values.value  # type: ignore[attr-defined]  # what rewritten code calls
    builtins.__lintloss_source__ = boot.values.source  # type: ignore[attr-defined]
    builtins.__lintloss_enter__ = boot.values.enter  # type: ignore[attr-defined]
    builtins.__lintloss_loop__ = boot.values.loop  # type: ignore[attr-defined]
    sys.meta_path.insert(0, Finder(boot))
    if "LL403" in plan.codes:
        from . import opened

        opened.watch(boot.ledger)
    _hook_script(boot)  # before finish is registered: what ends the process by a signal must run after it
    atexit.register(boot.finish)
    _wrap_exit(boot)
    tracebacks.install(boot.ledger.note)
    if "traceback" in sys.modules:
        tracebacks.on_traceback(sys.modules["traceback"])


def _wrap_exit(boot: Boot) -> None:
    """os._exit runs no atexit functions: a device's numbers would be lost."""
    plain = os._exit

    def _exit(status: int) -> None:
        try:
            boot.finish()
        finally:
            plain(status)

    os._exit = _exit  # type: ignore[assignment]  # NoReturn holds: plain does not return


def _hook_script(boot: Boot) -> None:
    """`python eval.py` compiles the script in C, out of reach of import hooks; scripts.py gets in between."""
    if not boot.plan.files:
        return
    from . import scripts

    scripts.hook(boot)
