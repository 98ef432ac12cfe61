"""Training or evaluation: which loops call backward(), where gradients are off, what kind of task the code is about."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from functools import lru_cache

from lintloss.facts import gradients, interludes, objectives
from lintloss.facts.loops import Loop
from lintloss.facts.machine import Frame, Machine
from lintloss.facts.observations import Averaging, Setting
from lintloss.facts.values import Quantity, Value
from lintloss.facts.words import quick
from lintloss.findings import Evidence
from lintloss.parse import Module
from lintloss.patterns import regex

FLAG = regex(
    r"train(?!ed)|phase|mode|eval|split|test|optim|valid|backprop|backward|update(?!_grad|_freq)|no_grad|infer",
    re.IGNORECASE,
)
SECTION = regex(r"(?<=\.)(training|trainer)\.")  # of a configuration: `cfg.training.resume` asks for no phase
EVALUATION = regex(
    r"eval|valid|\bval|_val|test|perplex|ppl|dev_|infer|predict|benchmark|score|metric|nll|loglik|bpb|bpc|bits_per",
    re.IGNORECASE,
)
TRAINING = regex(r"(^|_)train(?!er|ed|able|_utils)|finetune|fit\b|^backward_step$", re.IGNORECASE)
TRAIN_LOSS = regex(r"(?<![a-z])train(ing)?_(\w+_)?(loss|ppl|perplexity|nll)(?![a-z])", re.IGNORECASE)
LOGS_TRAINING = regex(r"^_?(train(ing)?_(log|step|batch)|log_train\w*)$")
LANGUAGE = quick(
    r"perplexity|\bppl\b|causallm|language_model|languagemodel|\bgpt|llama|input_ids|next.token|vocab_size|block_size|wikitext|"
    r"\blm\b|_lm\b|\bllm|tokenizer|bptt|ntokens|n_tokens|seq_len|num_tokens|transformer_?lm|rnn_?model|word_?lm|char_?rnn|bits_per_(byte|char)",
)
SEQ2SEQ = quick(
    r"seq2seq|encoder_decoder|\btrg\b|\btgt\b|translation|\bbleu\b|summariz|decoder_input|caption|padded_target|"
    r"\bgold\b|\bn_word\b"
)
MASKED = quick(r"mlm|masked_lm|maskedlm|mask_tokens|masked.language")
OTHER = quick(
    r"accuracy|\bcorrect\b|num_classes|n_classes|imagenet|cifar|mnist|resnet|torchvision|images?\b|\bdice\b|segment|psnr|\bvae\b|diffusion|"
    r"detection|regress|\bmse|auc\b|f1_score|topk|top1|acc1|graph|node|molecul",
)


PREFERENCE = quick(r"\bchosen_|\breject(ed)?_|reward")  # one loss a pair, or a policy's objective
POLICY = quick(r"advantage|rollout|teacher|\bref_(model|log)|old_log|policy")
RETRIEVAL = quick(r"retriev|contrastive|in_batch|hard_negative")  # one loss a row
VARIATIONAL = quick(r"\belbo\b|\bkl_(loss|weight|div)|\bvae\b|reparam|logvar")
PERPLEXITY = regex(r"perplexity|\bppl\b", re.IGNORECASE)
HEADED = regex(r"For(Sequence|Token)Classification|ForMultipleChoice|ForQuestionAnswering")
GENERATIVE = regex(r"ForCausalLM|LMHeadModel|ForConditionalGeneration|Seq2SeqLM|perplexity|\bppl\b", re.IGNORECASE)


GENERATOR = regex(r"For(CausalLM|ConditionalGeneration|Vision2Seq|ImageTextToText)\b")
MANY = 6


@lru_cache(maxsize=256)
def compares_rows(text: str) -> bool:
    """Say whether a file is about preferences or retrieval: an unknown loss in it is one a row, not one a token.

    A language model that retrieves has a perplexity, and its loss is one a token.
    """
    lower = text.lower()
    pairs = len(PREFERENCE.findall(lower))
    return pairs >= MANY or (pairs + len(RETRIEVAL.findall(lower)) >= MANY and PERPLEXITY.search(text) is None)


@lru_cache(maxsize=256)
def is_of_policy(text: str) -> bool:
    """Say whether a file trains a policy, on preferences or by a teacher: its log-probabilities are no reported loss."""
    lower = text.lower()
    return len(PREFERENCE.findall(lower)) + len(POLICY.findall(lower)) >= MANY


def asks_for_phase(test: str) -> bool:
    """Say whether a test asks whether this is training: `if is_train:`, not `if cfg.training.resume:`."""
    return FLAG.search(SECTION.sub("", test)) is not None


def backward(machine: Machine) -> None:
    """Record that the loss of the running loops is backpropagated."""
    from lintloss.facts import forwards

    flagged = {level for level, _, text in machine.guards if asks_for_phase(text)}
    for index, loop in enumerate(machine.loops):
        if any(level > index for level in flagged):
            loop.may_train = True
        else:
            loop.trains = True
    if machine.loops and machine.loops[-1].trains:
        machine.loops[-1].steps = True
    forwards.backward(machine)


def note_objective(machine: Machine, value: Value) -> None:
    """Take the averages that are backpropagated, after the loops that they are over, for a training's."""
    if not isinstance(value, Quantity) or any(asks_for_phase(text) for _, _, text in machine.guards):
        return
    for key, seen in machine.log.items():
        if isinstance(seen, Averaging) and seen.after == value and seen.setting.phase != "training":
            machine.log[key] = replace(seen, setting=replace(seen.setting, phase="training"))


def setting(machine: Machine, frame: Frame, loops: tuple[Loop, ...]) -> Setting:
    """Say what surrounds a place: the phase from what its loops do, then from names; the task from the words of the file."""
    name = frame.name
    reasons = []
    if any(loop.trains for loop in loops):
        phase = "evaluation" if interludes.is_one(loops) else "training"
    elif _is_under_gradient(machine):
        phase = "training"
    elif any(loop.may_train for loop in loops):
        phase = "training" if _is_log_of_training(machine) else "shared"
    elif _is_of_step(machine, loops) or _says_training(machine) or (loops and _steps(loops[-1])):
        phase = "training"
    elif gradients.state(machine) == gradients.OFF or EVALUATION.search(name):
        phase = "evaluation"
    elif (TRAINING.search(name) and not loops) or _logs_training(machine):
        phase = "training"
    else:
        phase = "unknown"
    if loops:
        reasons.append(loops[-1].place)
    return Setting(phase=phase, task=_task_around(machine, frame, loops), function=name, reasons=tuple(reasons))


def _steps(loop: Loop) -> bool:
    return objectives.steps(loop.statement) and not loop.idle


def _logs_training(machine: Machine) -> bool:
    """Say whether a function runs that by its name takes or logs a step of a training, over no held-out data."""
    if any(objectives.is_held_out(loop.statement) for loop in machine.loops):
        return False
    return any(LOGS_TRAINING.search(each.name) for each in machine.frames)


def _is_log_of_training(machine: Machine) -> bool:
    """Say whether what runs logs a training by its name: a flag of the loop around it, which may skip the step, asks for
    no evaluation.
    """
    return _logs_training(machine) and "log" in machine.frame.name


def _is_under_gradient(machine: Machine) -> bool:
    """Say whether what runs is what JAX takes the gradient of, or does so itself and steps."""
    if any(objectives.is_one(each.module, each.node) for each in machine.frames):
        return True
    return isinstance(machine.frame.node, ast.FunctionDef) and objectives.only_trains(machine.frame.node)


def _says_training(machine: Machine) -> bool:
    """Say whether the statement, `train_loss = …`, or a function that takes steps, speaks of a training alone."""
    frame = machine.frame
    if frame.statement is not None and not hasattr(frame.statement, "body"):
        text = machine.text(frame.statement)
        if TRAIN_LOSS.search(text) and not objectives.HELD_OUT.search(text):
            return gradients.state(machine) == gradients.ON
    if any(objectives.is_held_out(loop.statement) for loop in machine.loops):
        return False
    return any(TRAINING.search(each.name) and objectives.only_steps(each.node) for each in machine.frames[1:])


def _is_of_step(machine: Machine, loops: tuple[Loop, ...]) -> bool:
    """Say whether what is summed over the steps of one batch belongs to the loop that trains on it, on every path."""
    if any(loop.unit not in {"step", "example", "rank"} for loop in loops):
        return False
    depth = next((i for i, each in enumerate(machine.loops, 1) if each.steps or objectives.steps(each.statement)), 0)
    if not depth or gradients.state(machine) != gradients.ON:
        return False
    step = objectives.row_of_step(machine.loops[depth - 1].statement)
    return all(level < depth or _skips_step(place, step) for level, place, _ in machine.guards)


def _skips_step(place: Evidence, step: int) -> bool:
    """Say whether a condition leaves out the step of a training along with what it skips: `if empty: continue`."""
    return place.message.startswith("skipped when") and place.span.row < step


def _task_around(machine: Machine, frame: Frame, loops: tuple[Loop, ...]) -> str:
    """Guess the task from the checked file; where the loop stands in another one that is about no tokens, from that."""
    path = loops[-1].place.path if loops else frame.module.path
    other = machine.project.module(path) if path != frame.module.path else None
    if other is not None and _task_of(other.code) == "other":
        return "other"
    found = task(frame)
    if found != "unknown" or not machine.home:
        return found
    # What only averages says nothing of what is averaged: those who call it, and what it calls, do.
    around = (_task_of(each.module.code) for each in machine.frames)
    return next((each for each in around if each != "unknown"), found)


def task(frame: Frame) -> str:
    """Guess what is modeled, from the words of the file."""
    return task_of(frame.module)


def task_of(module: Module) -> str:
    """Guess what a file is about."""
    return _task_of(module.code)


@lru_cache(maxsize=256)
def _task_of(text: str) -> str:
    lower = text.lower()
    language = len(LANGUAGE.findall(lower))
    if HEADED.search(text) and not GENERATIVE.search(text):
        return "other"
    if len(VARIATIONAL.findall(lower)) >= 3 and not PERPLEXITY.search(text):
        return "other"  # a bound per example, in nats per sentence
    masked, paired, other = len(MASKED.findall(lower)), len(SEQ2SEQ.findall(lower)), len(OTHER.findall(lower))
    if masked > max(language, 2):
        return "mlm"
    if language >= 3 and language * 2 >= other:
        return "seq2seq" if paired > language else "lm"
    if paired >= 3 and paired * 2 >= other:
        return "seq2seq"
    if language >= 2 and GENERATOR.search(text):
        return "lm"  # of pictures, say, but its loss is one a token
    return "other" if other >= 2 else "unknown"
