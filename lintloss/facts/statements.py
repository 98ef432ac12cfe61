"""Runs statements on the abstract machine: assignments, branches, loops, definitions."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any

from lintloss.facts import (
    assign,
    augmented,
    axis_tests,
    batch_shapes,
    bindings,
    branches,
    caches,
    consumed,
    fitted,
    gradients,
    imports,
    iterate,
    lazily,
    modes,
    names,
    of_none,
    piecewise,
    registries,
    symbolic,
    thrown,
)
from lintloss.facts.expressions import evaluate
from lintloss.facts.library import filling, pieces
from lintloss.facts.machine import Machine
from lintloss.facts.values import Class, Const, Func, Key, Opaque, Value, join

NEXT, RETURN, BREAK, CONTINUE, RAISE = "next", "return", "break", "continue", "raise"


def execute(machine: Machine, body: Sequence[ast.stmt]) -> str:
    """Run statements in order and say how control leaves them."""
    for statement in body:
        machine.frame.statement = statement
        machine.visited.add(statement)
        run = HANDLERS.get(type(statement))
        if run is None:
            continue
        outcome = run(machine, statement)
        if outcome != NEXT:
            return outcome
    return NEXT


def _expression(machine: Machine, node: ast.Expr) -> str:
    from lintloss.facts import captions

    evaluate(machine, node.value)
    captions.note(machine, node)
    return NEXT


def _assign(machine: Machine, node: ast.Assign) -> str:
    same = augmented.accumulation(node)
    if same is not None:
        target, operator, operand = same
        if pieces.fill_up(machine, node, target, operand):
            return NEXT
        augmented.augment(machine, node, target, operator, evaluate(machine, operand), in_place=False)
        if isinstance(target, ast.Name) and isinstance(operator, ast.Add):
            symbolic.step_by(machine, node, target.id, operand)
        return NEXT
    if isinstance(node.value, ast.ListComp) and piecewise.by_position(machine, node):
        return NEXT
    value = consumed.moved_on(machine, node, _fetched_again(machine, node, evaluate(machine, node.value)))
    numbers = [number for target in node.targets for number in symbolic.numbers(machine, target, node.value, value)]
    for target in node.targets:
        assign.store(machine, target, value)
    symbolic.remember(machine, numbers)
    return NEXT


def _fetched_again(machine: Machine, node: ast.Assign, value: Value) -> Value:
    """Take the batch that a `while` fetches at its end for the one that was fetched before it, by the same call."""
    target = node.targets[0]
    if not isinstance(value, Opaque) or not isinstance(target, ast.Name) or not machine.loops:
        return value
    slot = machine.read(target.id) if isinstance(machine.loops[-1].statement, ast.While) else None
    if slot is None or not isinstance(slot.value, Opaque) or slot.depth >= machine.depth:
        return value
    if not isinstance(node.value, ast.Call):
        return value
    text = machine.text(node.value)
    bound = (each.value for each in bindings.of(machine.frame.node).get(target.id, ()))
    same = [each for each in bound if each is not None and machine.text(each) == text]
    return slot.value if len(same) == 2 else value


def _annotated(machine: Machine, node: ast.AnnAssign) -> str:
    if node.value is not None:
        assign.store(machine, node.target, evaluate(machine, node.value))
    return NEXT


def _augmented(machine: Machine, node: ast.AugAssign) -> str:
    if isinstance(node.op, ast.Add) and pieces.fill_up(machine, node, node.target, node.value):
        return NEXT
    if not augmented.running_mean(machine, node):
        augmented.augment(machine, node, node.target, node.op, evaluate(machine, node.value))
    if isinstance(node.target, ast.Name) and isinstance(node.op, ast.Add):
        symbolic.step_by(machine, node, node.target.id, node.value)
    return NEXT


def _return(machine: Machine, node: ast.Return) -> str:
    from lintloss.facts import drops, keras_metrics

    value = evaluate(machine, node.value) if node.value is not None else Const(None)
    frame = machine.frame
    if node in of_none.returns(frame.node):
        return RETURN
    keras_metrics.note_returned(machine, node, value)
    drops.note_stored(machine, frame.name, value, node)
    drops.note_maker(machine, frame.node, value)
    names.note(machine, node, frame.name, value)
    frame.returns = value if frame.returns is None else join(frame.returns, value)
    frame.returned.append(frame.state.copy())
    return RETURN


def _raise(machine: Machine, node: ast.Raise) -> str:
    return RAISE


def _leave(machine: Machine, node: ast.Break | ast.Continue) -> str:
    machine.frame.exits.append(machine.state.copy())
    if isinstance(node, ast.Break) and machine.loops:
        place = machine.evidence(node, "the loop may stop here")
        if place not in machine.loops[-1].exits:
            machine.loops[-1].exits.append(place)
        batch_shapes.note_exit(machine)
    return BREAK if isinstance(node, ast.Break) else CONTINUE


def _if(machine: Machine, node: ast.If) -> str:
    with lazily.made_once(machine, node):
        return _either(machine, node)


def _either(machine: Machine, node: ast.If) -> str:
    if not branches.asks_for_packages(machine, node.test):
        decided = branches.decide(machine, node.test)
        if decided is None and (branches.spares_empty(node) or branches.makes_classes(node)):
            decided = True
        if decided is None:
            decided = caches.makes(node, machine.frame.node)
        if decided is not None:
            return execute(machine, node.body if decided else node.orelse)
        evaluate(machine, node.test)
    before = machine.state.copy()
    outcomes, after = [], []
    for body, holds in ((node.body, True), (node.orelse, False)):
        machine.frame.state = before.copy()
        branches.assume(machine, node.test, holds)
        with branches.guarded(machine, node.test, holds):
            outcome = execute(machine, body)
        outcomes.append(outcome)
        if outcome == NEXT and (holds or not of_none.is_else(node)):
            after.append(machine.frame.state)
    fitted.settle(node.test, after)
    axis_tests.settle(node, after)
    merged = machine.merge(after)
    machine.frame.state = merged if merged is not None else before
    if outcomes[0] in {CONTINUE, BREAK} and outcomes[1] == NEXT:
        branches.skip(machine, node, leaves=outcomes[0] == BREAK)
    return NEXT if NEXT in outcomes else outcomes[0]


def _for(machine: Machine, node: ast.For | ast.AsyncFor) -> str:
    if isinstance(node, ast.For):
        thrown.note_fill(machine, node)
        if filling.by_loop(machine, node):
            return NEXT
    iterate.over(machine, node, lambda: execute(machine, node.body))
    if node.orelse:
        execute(machine, node.orelse)
    return NEXT


def _while(machine: Machine, node: ast.While) -> str:
    thrown.note_fill(machine, node)
    evaluate(machine, node.test)
    if filling.by_loop(machine, node):
        return NEXT
    iterate.endless(machine, node, lambda: execute(machine, node.body))
    return NEXT


def _with(machine: Machine, node: ast.With | ast.AsyncWith) -> str:
    statement = machine.get(gradients.STATEMENT, "off")
    said = []
    for item in node.items:
        value = evaluate(machine, item.context_expr)
        each = modes.entered(machine, item.context_expr, value)
        each = each or gradients.said_by(machine, value, item.context_expr)
        if each:  # entered, `set_grad_enabled(False)` holds for the block only
            gradients.restore(machine, statement)
            said.append(each)
        if item.optional_vars is not None:
            assign.store(machine, item.optional_vars, value)
    with gradients.inside(machine, said):
        return execute(machine, node.body)


def _try(machine: Machine, node: ast.Try) -> str:
    before = machine.state.copy()
    outcome = execute(machine, node.body)
    if outcome == NEXT and node.orelse:
        outcome = execute(machine, node.orelse)
    tried = machine.frame.state
    ends = [tried] if outcome == NEXT else []
    outcomes = [outcome]
    for handler in node.handlers:
        machine.frame.state = machine.merge([before, tried]) or before
        outcomes.append(execute(machine, handler.body))
        if outcomes[-1] == NEXT:
            ends.append(machine.frame.state)
    # What the body did is what happens when nothing fails; a handler only adds what it assigns.
    machine.frame.state = tried if outcome == NEXT else (machine.merge(ends) or tried)
    if node.finalbody:
        execute(machine, node.finalbody)
    return outcome if outcome in outcomes and not (outcome != NEXT and NEXT in outcomes) else NEXT


def _define(machine: Machine, node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    frame = machine.frame
    closure: Key = ()
    if not isinstance(frame.node, ast.Module):
        closure = frame.key
        machine.closures[closure] = frame.state.names
    value = Func(node, frame.module, closure=closure)
    for decorator in reversed(node.decorator_list):
        evaluate(machine, decorator)
    registries.file(machine, node, value)
    machine.write(node.name, value)
    return NEXT


def _class(machine: Machine, node: ast.ClassDef) -> str:
    frame = machine.frame
    value = Class(node, frame.module, () if isinstance(frame.node, ast.Module) else frame.key)
    registries.file(machine, node, value)
    machine.write(node.name, value)
    return NEXT


def _delete(machine: Machine, node: ast.Delete) -> str:
    for target in node.targets:
        if isinstance(target, ast.Name):
            machine.state.names.pop(target.id, None)
        consumed.deleted(machine, target)
    return NEXT


def _match(machine: Machine, node: ast.Match) -> str:
    evaluate(machine, node.subject)
    before = machine.state.copy()
    after = [before]
    for case in node.cases:
        machine.frame.state = before.copy()
        for name in (each.name for each in ast.walk(case.pattern) if isinstance(each, ast.MatchAs | ast.MatchStar)):
            if name:
                machine.write(name, Opaque(machine.key(case.pattern, name), name))
        if execute(machine, case.body) == NEXT:
            after.append(machine.frame.state)
    machine.frame.state = machine.merge(after) or before
    return NEXT


def _assert(machine: Machine, node: ast.Assert) -> str:
    evaluate(machine, node.test)
    modes.asserted(machine, node.test)
    return NEXT


def _import(machine: Machine, node: ast.Import | ast.ImportFrom) -> str:
    imports.bind(machine, node)
    return NEXT


# Each handler takes its own node type, which a dict cannot say.
def _global(machine: Machine, node: ast.Global) -> str:
    machine.frame.shared.update(node.names)
    return NEXT


def _nonlocal(machine: Machine, node: ast.Nonlocal) -> str:
    machine.frame.outer.update(node.names)
    return NEXT


HANDLERS: dict[type[ast.stmt], Callable[[Machine, Any], str]] = {
    ast.Expr: _expression,
    ast.Assign: _assign,
    ast.AnnAssign: _annotated,
    ast.Global: _global,
    ast.Nonlocal: _nonlocal,
    ast.AugAssign: _augmented,
    ast.Return: _return,
    ast.Raise: _raise,
    ast.Break: _leave,
    ast.Continue: _leave,
    ast.If: _if,
    ast.For: _for,
    ast.AsyncFor: _for,
    ast.While: _while,
    ast.With: _with,
    ast.AsyncWith: _with,
    ast.Try: _try,
    ast.FunctionDef: _define,
    ast.AsyncFunctionDef: _define,
    ast.ClassDef: _class,
    ast.Delete: _delete,
    ast.Match: _match,
    ast.Assert: _assert,
    ast.Import: _import,
    ast.ImportFrom: _import,
}
