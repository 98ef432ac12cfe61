"""Scored passes: the forward passes that belong to an evaluation, each with the region that it stands in."""

from __future__ import annotations

from dataclasses import dataclass

from lintloss.facts import measuring, outcomes, passing_methods, regions
from lintloss.facts.forwards import Forward, Scene
from lintloss.facts.machine import Machine
from lintloss.facts.regions import Region
from lintloss.findings import Span
from lintloss.parse import Module


@dataclass(frozen=True, slots=True)
class Pass:
    """A forward pass with the region that it belongs to."""

    forward: Forward
    region: Region

    @property
    def scene(self) -> Scene:
        return self.region.scene(self.forward)

    @property
    def outer(self) -> frozenset[object]:
        """Return the loops around the region: those that its own loop is in."""
        if self.region.loop is None:
            return frozenset()
        keys = [loop.key for loop in self.forward.loops]
        return frozenset(keys[: keys.index(self.region.loop.key)]) if self.region.loop.key in keys else frozenset()

    @property
    def is_direct(self) -> bool:
        return self.region.index == len(self.forward.scenes) - 1

    @property
    def span(self) -> Span:
        """Return what is shown: the call of the model, or the call in the region that leads there."""
        call = None if self.is_direct else self.forward.scenes[self.region.index + 1].call
        return call.span if call is not None else self.forward.span


def passes(machine: Machine, module: Module) -> list[Pass]:
    """Return the forward passes of the evaluations in a module."""
    found = []
    for forward in machine.forwards.values():
        region = regions.region(machine, forward)
        if region is None or region.scene(forward).module is not module or regions.is_inside_a_model(forward, region):
            continue
        if forward.method and not passing_methods.runs_model(machine, forward):
            continue
        if measuring.measures(machine, forward, region) and _evaluates(forward, region):
            found.append(Pass(forward, region))
    return found


def _evaluates(forward: Forward, region: Region) -> bool:
    """Say whether something comes of a pass; where no name tells of an evaluation, that must be a number, or outputs kept.

    One prompt that is run to compare two models, or before one is traced, is no evaluation.
    """
    if not outcomes.is_used(forward, region):
        return False
    scene = region.scene(forward)
    return not region.is_presumed or outcomes.is_measured(scene.node, scene.statement, in_loop=region.loop is not None)
