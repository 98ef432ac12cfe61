"""Verdicts from tapes made by hand: which evaluation a finding is judged by. No torch."""

from __future__ import annotations

import math
from dataclasses import replace

from lintloss.verify import wording
from lintloss.verify.events import Call, Form, Frame, Link, Load, Loader, Process, Scope, Site, Tape, Value, ValueSite
from lintloss.verify.flagged import FlaggedFinding, parse_findings
from lintloss.verify.found import found
from lintloss.verify.gaps import gaps
from lintloss.verify.judge import Run, judge
from lintloss.verify.scored import unjudged
from lintloss.verify.verdicts import Judged, Pair, Verdict

FORM = Form("cross_entropy", "mean", -100, False, 0.0, "torch.float32", 61, "cpu", True)
PATH = "/project/eval.py"
SITE = Site((Frame(PATH, 7, "evaluate"),), Frame(PATH, 7, "evaluate"))
PROCESS = Process(0, None, None, True, 0.0, "2.13")
SCOPE = Scope(PATH, 4, 9, "evaluate")


def call(order: int, mean: float, scored: int, *, process: int = 0, trained: bool = False) -> Call:
    return Call(order, process, 0, SITE, FORM, 0, mean, float(scored), float(scored), 2.0, 5.0, math.nan, trained)


def finding(code: str, path: str = PATH, row: int = 9) -> tuple[FlaggedFinding, ...]:
    item = {
        "filename": path, "code": code, "location": {"row": row, "column": 1}, "end_location": {"row": row, "column": 9},
    }  # fmt: skip
    return parse_findings([item])


def tape(*calls: Call, number: int = 0, rank: int | None = None, **fields: object) -> Tape:
    process = replace(PROCESS, number=number, rank=rank, world_size=None if rank is None else 2)
    return replace(Tape(process, calls=calls, scopes={1: SCOPE}), **fields)


def returned(order: int, value: float, role: str = "flagged", site: int = 2) -> dict[str, object]:
    return {
        "values": (Value(order, 0, 0, site, "", value),),
        "value_sites": {site: ValueSite(PATH, 9, "total / n", role, 1, ())},
    }


def test_the_evidence_of_a_finding_whose_file_never_ran_judges_nothing() -> None:
    links = (Link(0, 2, 1, "evidence"),)
    held = tape(call(0, 5.0, 10), call(1, 6.0, 2), links=links, **returned(2, 5.5, "evidence"))
    (verdict,) = judge(finding("LL101", "/project/other.py"), Run((held,)))
    assert verdict.status == "not reached" and "was not imported" in verdict.explanation
    (verdict,) = judge(finding("LL101"), Run((replace(held, links=(Link(0, 2, 1, "flagged"),)),)))
    assert verdict.status == "confirmed"


def test_a_number_over_all_ranks_is_what_is_reported() -> None:
    """The flagged mean of rank 0 is a step on the way to the mean over ranks that it returns."""
    sites = {
        2: ValueSite(PATH, 8, "total / n", "flagged", 1, ()),
        3: ValueSite(PATH, 9, "mean", "returned", 1, ()),
    }  # fmt: skip
    links = (Link(0, 2, 1, "flagged"),)
    tapes = tuple(
        tape(
            *(call(order, mean, scored, process=number) for order, (mean, scored) in enumerate(pairs)),
            number=number, rank=number, links=links, value_sites=sites,
            values=(Value(2, number, 0, 2, "", own), Value(3, number, 0, 3, "", 5.75)),
        )
        for number, (pairs, own) in enumerate([(((5.0, 10), (6.0, 2)), 5.5), (((7.0, 4), (5.0, 1)), 6.0)])
    )  # fmt: skip
    (verdict,) = judge(finding("LL101"), Run(tapes))
    assert verdict.worst is not None
    assert (verdict.status, verdict.worst.reported.loss) == ("confirmed", 5.75)
    assert verdict.worst.formula == "mean over ranks of batch means"


def job(started: int, *ranks: tuple[tuple[tuple[float, int], ...], float], port: str = "29500") -> tuple[Tape, ...]:
    """Each rank's means and counts, and what it prints; nothing is flagged."""
    site = {2: ValueSite(PATH, 20, "loss", "printed", None, ())}
    made = []
    for rank, (pairs, said) in enumerate(ranks):
        number = 10 * started + rank
        calls = [call(order, mean, scored, process=number) for order, (mean, scored) in enumerate(pairs)]
        held = tape(*calls, number=number, rank=rank, value_sites=site, values=(Value(9, number, 0, 2, "", said),))
        made.append(replace(held, process=replace(held.process, job=f"127.0.0.1 {port} none", started=started)))
    return tuple(made)


FIRST, SECOND = ((5.0, 10), (6.0, 2)), ((7.0, 4), (5.0, 1))


def test_without_findings_a_mean_over_ranks_is_found() -> None:
    said = (62 / 12 + 33 / 5) / 2
    (verdict,) = found(job(1, (FIRST, said), (SECOND, said)), ())
    assert verdict.worst is not None and verdict.finding.code == "LL105"
    assert (verdict.worst.reported.loss, verdict.worst.reference.scored_tokens) == (said, 17)
    assert verdict.worst.formula == "mean over ranks of token means"


def test_a_ranks_own_token_mean_claims_nothing_of_the_others() -> None:
    assert found(job(1, (FIRST, 62 / 12), (SECOND, 33 / 5)), ()) == ()


def test_a_rank_without_a_ledger_is_missed() -> None:
    """Of a job of two: what is right over all ranks is not known from one."""
    both = job(1, (FIRST, 5.75), (SECOND, 5.75))
    assert not Run(both).partial and gaps(both) == ()
    assert Run(both[:1]).partial
    (gap,) = gaps(both[:1])
    assert str(gap).startswith("1 of 2 ranks: they left no ledger")


def test_jobs_of_one_script_are_not_mixed() -> None:
    """Two launches, one after the other, at the same address: each reports its own mean over its own ranks."""
    third = ((4.0, 3), (5.0, 6))
    first, second = (5.5 + 6.0) / 2, (6.0 + 4.5) / 2
    tapes = (*job(1, (FIRST, first), (SECOND, first)), *job(2, (SECOND, second), (third, second)))
    (verdict,) = found(tapes, ())
    assert [one.reported.loss for one in verdict.calls] == [first, second]
    assert [one.reference.scored_tokens for one in verdict.calls] == [17, 14]


def reported(*calls: Call, **values: float) -> tuple[Verdict, Judged]:
    """The verdict on a run whose flagged expression and printed numbers had these values, in this order."""
    sites = {number: ValueSite(PATH, 9, role, role, 1, ()) for number, role in enumerate(values, 2)}
    recorded = tuple(
        Value(50 + number, 0, 0, number, "", value) for number, value in zip(sites, values.values(), strict=True)
    )
    held = tape(*calls, links=(Link(0, 2, 1, "flagged"),), value_sites=sites, values=recorded)
    (verdict,) = judge(finding("LL101"), Run((held,)))
    assert verdict.worst is not None
    return verdict, verdict.worst


def field(order: int, nats: float, scored: int, unpadded: tuple[float, float] | None = None) -> Call:
    """A call that handed out a loss for each target, `unpadded` of which are no padding."""
    handed = replace(FORM, reduction="none")
    return replace(call(order, nats, scored), form=handed, unpadded=unpadded)


def test_what_a_program_masks_by_itself_is_known_by_what_it_reports() -> None:
    calls = (field(0, 60.0, 20, (50.0, 10.0)), field(1, 18.0, 4, (12.0, 2.0)))
    verdict, worst = reported(*calls, flagged=5.5)
    assert (verdict.status, worst.formula, worst.reference.loss) == ("confirmed", "mean of batch means", 62 / 12)
    verdict, worst = reported(*calls, flagged=62 / 12)
    assert (verdict.status, worst.reference.scored_tokens) == ("refuted", 12)
    verdict, worst = reported(*calls, flagged=78 / 24)
    assert (verdict.status, worst.reference.scored_tokens) == ("refuted", 24)


def test_where_no_mask_explains_the_number_no_truth_is_told() -> None:
    calls = (field(0, 60.0, 20, (50.0, 10.0)), field(1, 18.0, 4))
    verdict, worst = reported(*calls, flagged=4.321)
    assert (verdict.status, worst.reference.loss) == ("undecided", None)
    assert "what the program masks of them is not recorded" in verdict.explanation


def test_of_a_dictionary_of_results_the_loss_is_what_no_formula_gives() -> None:
    sites = {2: ValueSite(PATH, 9, "trainer.evaluate()", "flagged", 1, ())}
    values = tuple(
        Value(50 + order, 0, 0, 2, name, one)
        for order, (name, one) in enumerate((("eval_loss", 4.321), ("epoch", 0.0)))
    )
    held = tape(call(0, 5.0, 10), call(1, 6.0, 2), links=(Link(0, 2, 1, "flagged"),), value_sites=sites, values=values)
    (verdict,) = judge(finding("LL101"), Run((held,)))
    assert "the flagged expression is 4.321, which no formula" in verdict.explanation


def test_a_single_batch_explains_no_flagged_number() -> None:
    """The last batch's loss was printed; the flagged mean is something that no formula gives."""
    verdict, worst = reported(call(0, 5.0, 10), call(1, 6.0, 2), flagged=4.321, printed=6.0)
    assert (verdict.status, worst.reported.loss) == ("undecided", None)


def test_a_batch_that_scored_nothing_makes_the_mean_no_number() -> None:
    verdict, worst = reported(call(0, 5.0, 10), call(1, math.nan, 0), flagged=math.nan)
    assert (verdict.status, worst.reference.loss) == ("confirmed", 5.0)
    assert "mean of batch means, of which 1 scored nothing; loss nan where 5 is right" in verdict.explanation
    verdict, _ = reported(call(0, 5.0, 10), call(1, 6.0, 2), flagged=math.nan)
    assert verdict.status == "undecided"


def test_the_perplexity_of_each_batch_is_a_step_on_the_way() -> None:
    """A right evaluation that shows its progress: found by nobody."""
    sites = {
        2: ValueSite(PATH, 7, "exp(loss)", "printed", 1, ()),
        3: ValueSite(PATH, 9, "exp(n / t)", "printed", 1, ()),
    }
    values = (Value(50, 0, 0, 2, "", math.exp(6.0)), Value(51, 0, 0, 3, "", math.exp(62 / 12)))
    assert found((tape(call(0, 5.0, 10), call(1, 6.0, 2), value_sites=sites, values=values),), ()) == ()


def test_an_evaluation_that_no_verdict_is_about_is_told() -> None:
    """Exit code 0 and no finding is no proof: what was scored is said, and whether the report is understood."""
    right = tape(call(0, 5.0, 10), call(1, 6.0, 2), **returned(2, 62 / 12, "printed"))
    (one,) = unjudged((right,), ())
    assert (one.place, one.batches, one.truth.scored_tokens) == (f"{PATH}:7", 2, 12)
    assert (one.truth.loss, one.said) == (62 / 12, "reported is the token mean")
    odd = tape(call(0, 5.0, 10), call(1, 6.0, 2), **returned(2, 4.321, "printed"))
    (one,) = unjudged((odd,), ())
    assert one.said == "no number that was recorded is made of it by a known formula"
    assert unjudged((tape(call(0, 5.0, 10, trained=True)),), ()) == ()
    flagged = replace(right, links=(Link(0, 2, 1, "flagged"),))
    assert unjudged((flagged,), judge(finding("LL101"), Run((flagged,)))) == ()


def test_a_field_without_a_known_mask_is_told_without_numbers() -> None:
    (one,) = unjudged((tape(field(0, 60.0, 20), field(1, 18.0, 4), **returned(2, 4.321, "printed")),), ())
    (said,) = wording.unjudged_lines({"unjudged": [one.as_json()]})
    assert "what is masked of them is not known" in said and one.truth == Pair()


LOADER = Loader((Frame(PATH, 9, "main"),), 1, 1, "TensorDataset", 22, 5, 22, "SequentialSampler", 4, True, 0, {})


def loads(*rows: float, ended: bool) -> tuple[Load, ...]:
    """A batch before each call: batches have even orders, calls odd ones."""
    taken = [Load(2 * number, 0, 1, count, False) for number, count in enumerate(rows)]
    return (*taken, *([Load(2 * len(rows), 0, 1, 0.0, True)] if ended else []))


def test_rows_that_were_never_scored_are_counted() -> None:
    calls = [call(2 * number + 1, 5.0, 10) for number in range(5)]
    full = tape(*calls, loads=loads(4, 4, 4, 4, 4, ended=True), loaders={0: LOADER})
    (verdict,) = judge(finding("LL404"), Run((full,)))
    assert verdict.status == "confirmed"
    assert verdict.explanation == "20 of 22 rows were scored; 2 never were: drop_last leaves out the last batch of 2"
    whole = replace(full, loaders={0: replace(LOADER, rows=20, sampler_rows=20)})
    assert judge(finding("LL404"), Run((whole,)))[0].status == "refuted"
    cut = tape(*calls[:3], loads=loads(4, 4, 4, 4, ended=False), loaders={0: LOADER})
    (verdict,) = judge(finding("LL404"), Run((cut,)))
    assert "12 of 22 rows were scored; 10 never were: the loop ended after 3 of 5 batches" in verdict.explanation


def test_what_a_dataset_says_of_itself_is_the_last_evidence() -> None:
    def verdict(**says: str) -> str:
        held = tape(call(1, 5.0, 10), loads=loads(4, ended=True), loaders={0: replace(LOADER, says=says)})
        return judge(finding("LL403"), Run((held,)))[0].status

    assert verdict(split="train") == "confirmed"
    assert verdict(split="validation") == "refuted"
    assert verdict(train="False") == "refuted"
    assert verdict(path="data/train/held-out.bin") == "refuted"
    assert verdict(path="data/restrained.bin") == "undecided"
    assert verdict() == "undecided"


def test_the_dataset_that_was_trained_on_is_known_by_identity() -> None:
    batches = (Load(0, 0, 1, 4.0, False), Load(2, 1, 2, 4.0, False), Load(4, 1, 2, 0.0, True))
    calls = (call(1, 5.0, 10, trained=True), replace(call(3, 5.0, 10), site=Site((Frame(PATH, 12, "f"),), None)))
    train = replace(LOADER, frames=())
    same = tape(*calls, loads=batches, loaders={0: train, 1: LOADER})
    assert judge(finding("LL403"), Run((same,)))[0].status == "confirmed"
    other = replace(same, loaders={0: train, 1: replace(LOADER, dataset=2, base=2)})
    assert judge(finding("LL403"), Run((other,)))[0].status == "refuted"
