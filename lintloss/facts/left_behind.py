"""Left behind: a loss of the training that is still there when the evaluation is reported, and is told as its own."""

from __future__ import annotations

import ast

from lintloss.facts import interludes
from lintloss.facts.loops import Loop
from lintloss.facts.machine import Machine
from lintloss.facts.observations import Compared, DeadValue, Setting
from lintloss.facts.split_names import is_training, says_held_out
from lintloss.facts.values import Quantity, Value, options


def setting_of(machine: Machine) -> Setting:
    """Return the setting of what runs, by its function and the innermost of its own loops."""
    from lintloss.facts.phases import setting

    return setting(machine, machine.frame, tuple(machine.loops[machine.frame.loop_base :][-1:]))


def note_report(machine: Machine, node: ast.AST, value: Value, into: str = "") -> None:
    """Note a loss that is added up or collected: is it one that a training loop left behind?

    Args:
        into: what it is collected in, in the words of the code.
    """
    for option in options(value):
        if (
            isinstance(option, Quantity)
            and option.is_loss
            and option.scoring is not None
            and is_left_over(machine, option, into)
        ):
            observe_left_over(machine, node, option)
            return


def is_left_over(machine: Machine, loss: Quantity, into: str) -> bool:
    """Say whether a loss is one that a training loop left behind, and goes where the evaluation's belongs."""
    scored = loss.scoring.loop if loss.scoring is not None else None
    if scored is None or not scored.trains:
        return False
    if scored in machine.loops and not _is_interlude(machine, scored):
        return False
    if says_held_out(into) and not is_training(into):
        return True
    running = machine.loops[-1] if machine.loops else None
    if running is None or not running.scores or _holds(running, scored) or running in _loops_of(machine, loss):
        return False  # a loop around the training's, over epochs, adds up what the training lost
    return setting_of(machine).phase in {"evaluation", "unknown"}


def _is_interlude(machine: Machine, scored: Loop) -> bool:
    """Say whether a loop that evaluates runs inside of the one that trains, every so many steps: the loss is that of the step."""
    inner = machine.loops[machine.loops.index(scored) + 1 :]
    return bool(inner) and interludes.is_one(machine.loops)


def _loops_of(machine: Machine, loss: Quantity) -> tuple[Loop, ...]:
    """Return the loops that ran when a loss was scored, those of the callers as well."""
    seen = machine.log.get(loss.scoring.log) if loss.scoring is not None else None
    return seen.loops if isinstance(seen, Compared) else ()


def _holds(outer: Loop, inner: Loop) -> bool:
    statement, place = outer.statement, inner.place
    if statement is None or outer.place.path != place.path:
        return False
    return statement.lineno < place.span.row <= (statement.end_lineno or 0)


def observe_left_over(machine: Machine, node: ast.AST, loss: Quantity) -> None:
    """Record that a training loss is reported at `node`."""
    from lintloss.facts.settings import seen_at

    if machine.loops:
        machine.left_over.add(machine.loops[-1].key)
    trace = loss.trace[:4]
    place = seen_at(machine, node, ())
    machine.observe(DeadValue(kind="training", name="", what="the training loss", evidence=trace, **place))


def note_store(machine: Machine, owner: ast.expr, argument: ast.expr | None, value: Value) -> None:
    """Note `history["val"].append(train_loss)`: what is called the training loss goes where the evaluation's belongs."""
    if isinstance(argument, ast.Name) and is_training(argument.id) and not says_held_out(argument.id):
        note_report(machine, argument, value, machine.text(owner))
