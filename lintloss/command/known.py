"""`--baseline` and `--write-baseline`: findings that the project knows already."""

from __future__ import annotations

import os
from dataclasses import replace

from lintloss import baseline
from lintloss.command.check import Outcome
from lintloss.command.options import Options
from lintloss.command.output import repository_root
from lintloss.errors import ConfigError
from lintloss.report import Run
from lintloss.report.outputs import write_text
from lintloss.report.places import Texts


def with_baseline(outcome: Outcome, options: Options) -> Outcome:
    """Set aside what the baseline knows; write a new one if that was asked for."""
    texts = Texts(Run(root=repository_root(os.getcwd()), cwd=os.getcwd()))
    if options.write_baseline:
        write_text(options.write_baseline, baseline.dump(outcome.findings, texts.line_of, texts.path_of))
    if not options.baseline:
        return outcome
    try:
        with open(options.baseline, encoding="utf-8") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError):
        hint = f"write it with --write-baseline {options.baseline}"
        raise ConfigError("cannot read this baseline", where=options.baseline, hint=hint) from None
    parts = baseline.split(outcome.findings, baseline.load(text, options.baseline), texts.line_of, texts.path_of)
    return replace(outcome, findings=parts.new, baselined=parts.known)
