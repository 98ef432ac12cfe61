"""Which mutations each fixture undergoes, and the roles that its expressions play there."""

from __future__ import annotations

from dataclasses import dataclass, field

from mutations.operators import Roles


@dataclass(frozen=True, slots=True)
class Planned:
    """A fixture's roles and mutations; `rewrites` are (name, expected codes, {old text: new text})."""

    roles: Roles
    mutations: tuple[str, ...]
    rewrites: tuple[tuple[str, frozenset[str], dict[str, str]], ...] = field(default=())


def planned(mutations: str, *rewrites: tuple[str, str, dict[str, str]], **roles: str) -> Planned:
    return Planned(
        roles, tuple(mutations.split()), tuple((name, frozenset(codes.split()), text) for name, codes, text in rewrites)
    )


SHIFT = "drop_shift turn_shift "
CRITERION = "score_probabilities likelihood_of_logits smooth_labels "
WEIGHTED = "average_batches forget_weight divide_by_examples average_perplexities "
SUMMED = "divide_sum_by_batches sum_means count_all_positions "
REPORTED = "raise_two exponentiate_total "
LOOP = "drop_no_grad stop_early "
LOADER = "drop_eval_mode drop_last_batch "

PLAN: dict[str, Planned] = {
    "lm_token_weighted": planned(
        SHIFT
        + CRITERION
        + WEIGHTED
        + REPORTED
        + LOOP
        + "drop_ignore_index squared_error drop_eval_mode drop_last_batch",
        weight="scored",
        count="total_tokens",
        batches="len(loader)",
        examples="len(dataset)",
        mean="loss.item()",
        loader="loader",
        classes="logits.size(-1)",
    ),
    "lm_sum_over_tokens": planned(
        SHIFT + CRITERION + SUMMED + REPORTED + LOOP + "drop_eval_mode drop_last_batch",
        count="total_tokens",
        batches="len(val_loader)",
        scored="(shift_labels != IGNORE).sum().item()",
        positions="shift_labels.numel()",
        loader="val_loader",
    ),
    "lm_masked_positions": planned(
        SHIFT
        + REPORTED
        + LOOP
        + "score_probabilities smooth_labels divide_sum_by_batches count_all_positions drop_mask",
        count="token_count",
        batches="len(loader)",
        scored="mask.sum()",
        positions="mask.numel()",
        mask="mask",
        loader="loader",
        softmax="torch.softmax({}, dim=1)",
    ),
    "lm_forward_returns_loss": planned(
        CRITERION + WEIGHTED + REPORTED + LOOP + "drop_eval_mode drop_last_batch",
        weight="scored",
        count="characters",
        batches="len(loader)",
        examples="len(dataset)",
        mean="loss.item()",
        loader="loader",
    ),
    "lm_dataset_shift": planned(
        SHIFT + CRITERION + REPORTED + LOOP + "divide_sum_by_batches sum_means squared_error drop_last_batch",
        count="n_targets",
        batches="len(val_loader)",
        loader="val_loader",
        classes="logits.size(-1)",
    ),
    "lm_meter": planned(
        SHIFT + CRITERION + LOOP + "drop_meter_weight drop_ignore_index raise_two",
        update="losses.update",
        loader="enumerate(val_loader)",
    ),
    "lm_cat_of_losses": planned(
        SHIFT + CRITERION + LOOP + "raise_two",
        (
            "stack_batch_means",
            "LL101",
            {
                "losses[labels.flatten() != 0].cpu()": "losses[labels.flatten() != 0].mean().cpu()",
                "torch.cat": "torch.stack",
            },
        ),
        ("keep_padding", "LL103 LL304", {"losses[labels.flatten() != 0].cpu()": "losses.cpu()"}),
        loader="batches",
    ),
    "lm_gathered_log_probs": planned(
        SHIFT + REPORTED + LOOP + "drop_mask divide_sum_by_batches",
        count="tokens",
        batches="len(loader)",
        mask="mask",
        loader="loader",
    ),
    "lm_numpy_log_probs": planned(
        SHIFT + REPORTED + "drop_mask divide_sum_by_batches count_all_positions",
        count="total_tokens",
        batches="len(paths)",
        mask="scored",
        scored="scored.sum()",
        positions="scored.size",
    ),
    "lm_bits_per_byte": planned(SHIFT + CRITERION + "forget_log_two drop_no_grad"),
    "lm_sliding_window": planned(
        REPORTED + "score_context shift_twice average_batches forget_weight average_perplexities drop_no_grad",
        weight="num_valid_tokens",
        count="n_tokens",
        batches="len(range(0, seq_len, stride))",
        mean="neg_log_likelihood.item()",
        exp="torch.exp(neg_log_likelihood).item()",
    ),
    "lm_batch_columns": planned(
        CRITERION + REPORTED + "average_batches forget_weight drop_eval_mode drop_no_grad",
        (
            "drop_shift",
            "LL301",
            {"source[i + 1 : i + 1 + seq_len]": "source[i : i + seq_len]"},
        ),
        weight="len(data)",
        count="len(data_source) - 1",
        batches="len(range(0, data_source.size(0) - 1, bptt))",
    ),
    "lm_totals_dataclass": planned(
        SHIFT + CRITERION + REPORTED + LOOP + "drop_ignore_index sum_means count_all_positions",
        count="self.tokens",
        scored="int((targets != PAD).sum())",
        positions="targets.numel()",
        loader="batches",
    ),
    "lm_generator": planned(
        SHIFT + SUMMED + REPORTED + LOOP + "score_probabilities smooth_labels",
        count="tokens",
        batches="len(pairs)",
        scored="(labels != -100).sum().item()",
        positions="labels.numel()",
        loader="loader",
    ),
    "lm_running_mean": planned(
        SHIFT + CRITERION + LOOP + "drop_ignore_index forget_weight",
        ("count_batches", "LL101", {"seen += scored": "seen += 1", " * scored / seen": " / seen"}),
        weight="scored",
        loader="stream",
    ),
    "lm_evaluator_class": planned(
        SHIFT + CRITERION + REPORTED + LOOP + "drop_ignore_index sum_means count_all_positions",
        count="self.total_tokens",
        scored="(labels != self.pad_id).sum().item()",
        positions="labels.numel()",
        criterion="self.criterion",
        loader="loader",
    ),
    "lm_autocast": planned(
        SHIFT + CRITERION + SUMMED + REPORTED + LOOP,
        count="total_tokens",
        batches="len(dataloader)",
        scored="shift_labels.ne(-100).sum()",
        positions="shift_labels.numel()",
        loader="dataloader",
    ),
    "lm_chunked_logits": planned(
        SHIFT + CRITERION + SUMMED + REPORTED + LOOP,
        count="total_tokens",
        batches="len(loader)",
        scored="(targets != -100).sum().item()",
        positions="targets.numel()",
        loader="loader",
    ),
    "lm_rolled_labels": planned(
        CRITERION + REPORTED + LOOP + "average_batches forget_weight average_perplexities",
        ("drop_shift", "LL301", {"torch.roll(input_ids, shifts=-1, dims=1)": "input_ids.clone()"}),
        (
            "turn_shift",
            "LL303",
            {"input_ids, shifts=-1": "input_ids, shifts=1"},
        ),
        weight="scored",
        count="tokens",
        batches="len(loader)",
        mean="loss.item()",
        loader="loader",
    ),
    "lm_by_domain": planned(
        SHIFT + CRITERION + LOOP + "drop_ignore_index forget_weight raise_two", weight="scored", loader="loader"
    ),
    "lm_fixed_windows": planned(
        CRITERION + "squared_error raise_two drop_eval_mode drop_no_grad",
        ("drop_shift", "LL301", {"data[i + 1 : i + BLOCK_SIZE + 1]": "data[i : i + BLOCK_SIZE]"}),
        ("average_perplexities", "LL104", {"losses[k] = loss.item()": "losses[k] = math.exp(loss.item())"}),
        criterion="F.cross_entropy",
        classes="channels",
    ),
    "hf_causal_labels": planned(
        WEIGHTED + REPORTED + LOOP + "shift_twice drop_last_batch",
        weight="num_tokens",
        count="total_tokens",
        batches="len(eval_dataloader)",
        examples="len(eval_dataloader.dataset)",
        mean="outputs.loss.item()",
        loader="eval_dataloader",
    ),
    "hf_documents": planned(
        SHIFT + CRITERION + REPORTED + "squared_error sum_means divide_sum_by_batches drop_no_grad",
        count="total_targets",
        batches="len(texts)",
        classes="logits.size(-1)",
    ),
    "hf_accelerate": planned(
        LOOP + "forget_weight raise_two",
        (
            "average_gathered_means",
            "LL101 LL105",
            {
                "(outputs.loss * tokens).reshape(1)": "outputs.loss.reshape(1)",
                "torch.cat(nats_seen).sum()": "torch.cat(nats_seen).mean()",
                "(nats / tokens).item()": "nats.item()",
            },
        ),
        weight="tokens",
        loader="eval_dataloader",
    ),
    "hf_prompt_masked": planned(
        SHIFT + CRITERION + SUMMED + REPORTED + LOOP + "drop_last_batch",
        count="answer_tokens",
        batches="len(loader)",
        scored="shifted_labels.ne(IGNORE_INDEX).sum().item()",
        positions="shifted_labels.numel()",
        loader="loader",
    ),
    "hf_masked_lm": planned(
        WEIGHTED + REPORTED + LOOP + "drop_last_batch",
        weight="n_masked",
        count="masked",
        batches="len(loader)",
        examples="len(dataset)",
        mean="outputs.loss.item()",
        loader="loader",
    ),
    "hf_seq2seq": planned(
        REPORTED + "average_batches forget_weight drop_no_grad",
        ("keep_padding", "LL304", {"labels[labels == tokenizer.pad_token_id] = -100": "pass"}),
        weight="tokens",
        count="total_tokens",
        batches="len(range(0, len(pairs), batch_size))",
    ),
    "hf_token_classification": planned(
        "forget_weight divide_by_examples drop_no_grad",
        weight="count",
        count="total_labels",
        examples="len(dataloader.dataset)",
    ),
    "lightning_totals": planned(
        SHIFT + CRITERION + "drop_ignore_index sum_means count_all_positions exponentiate_total",
        count="self.val_tokens",
        scored="(targets != self.pad_id).sum().item()",
        positions="targets.numel()",
    ),
    "lightning_weighted_metric": planned(
        SHIFT + CRITERION + "drop_ignore_index drop_meter_weight raise_two",
        update="self.val_loss.update",
        criterion="self.criterion",
    ),
    "ddp_sums": planned(
        SHIFT + CRITERION + SUMMED + REPORTED + LOOP + "average_ranks",
        count="tokens",
        batches="len(loader)",
        scored="(shift_labels != -100).sum()",
        positions="shift_labels.numel()",
        loader="loader",
        reduce_nats="dist.all_reduce(nats, op=dist.ReduceOp.SUM)",
        reduce_count="dist.all_reduce(tokens, op=dist.ReduceOp.SUM)",
        rank_mean="mean = nats / tokens\n    dist.all_reduce(mean, op=dist.ReduceOp.SUM)",
        quotient="nats / tokens",
        rank_average="mean / dist.get_world_size()",
    ),
    "ddp_gathered_objects": planned(
        SHIFT + CRITERION + REPORTED + LOOP + "drop_ignore_index sum_means count_all_positions",
        ("average_ranks", "LL105", {"return nats, tokens": "return nats / tokens, 1"}),
        count="tokens",
        scored="labels.ne(pad_id).sum().item()",
        positions="labels.numel()",
        loader="loader",
    ),
    "seq2seq_teacher_forcing": planned(
        CRITERION + SUMMED + REPORTED + LOOP + "drop_shift drop_ignore_index drop_eval_mode",
        count="n_words",
        batches="len(dataloader)",
        scored="tgt_out.ne(pad_idx).sum().item()",
        positions="tgt_out.numel()",
        loader="dataloader",
    ),
    "seq2seq_time_major": planned(
        CRITERION + WEIGHTED + REPORTED + LOOP + "drop_ignore_index",
        weight="tokens",
        count="total_tokens",
        batches="len(iterator)",
        examples="len(iterator.dataset)",
        mean="loss.item()",
        loader="iterator",
    ),
    "classification_images": planned(
        CRITERION + "forget_weight drop_eval_mode drop_no_grad drop_last_batch", weight="labels.size(0)"
    ),
    "classification_sum": planned(
        "divide_sum_by_batches sum_means drop_eval_mode drop_no_grad",
        ("likelihood_of_logits", "LL203", {"F.log_softmax(self.fc2(x), dim=1)": "self.fc2(x)"}),
        count="len(test_loader.dataset)",
        batches="len(test_loader)",
    ),
    "segmentation_valid_pixels": planned(
        CRITERION + "forget_weight drop_no_grad", weight="valid_pixels", softmax="torch.softmax({}, dim=1)"
    ),
    "regression_weighted": planned(
        "divide_sum_by_batches sum_means drop_no_grad drop_last_batch", count="count", batches="len(loader)"
    ),
    "vae_bound": planned(
        "divide_sum_by_batches drop_no_grad", count="len(test_loader.dataset)", batches="len(test_loader)"
    ),
    "notebook_cells": planned(
        SHIFT + CRITERION + SUMMED + REPORTED + LOOP,
        count="tokens",
        batches="len(valid_loader)",
        scored="(labels != -100).sum().item()",
        positions="labels.numel()",
        loader="tqdm(valid_loader)",
    ),
    "script_module_level": planned(
        SHIFT + CRITERION + SUMMED + REPORTED + "drop_no_grad",
        count="target_total",
        batches="len(range(0, len(ids) - 1, args.window))",
        scored="window.numel() - 1",
        positions="window.numel()",
    ),
    "jax_optax": planned(
        SHIFT + REPORTED + "score_probabilities drop_mask divide_sum_by_batches count_all_positions",
        count="total_weight",
        batches="len(batches)",
        mask="weights",
        scored="weights.sum()",
        positions="weights.size",
        criterion="optax.softmax_cross_entropy_with_integer_labels",
        softmax="jax.nn.softmax({}, axis=-1)",
    ),
    "contrastive_pairs": planned("score_probabilities forget_weight drop_no_grad", weight="len(labels)"),
    "autoencoder_text": planned(
        CRITERION + "divide_sum_by_batches sum_means count_all_positions drop_ignore_index drop_no_grad",
        count="tokens",
        batches="len(loader)",
        scored="ids.ne(pad_id).sum().item()",
        positions="ids.numel()",
    ),
    "masked_lm_scratch": planned(
        CRITERION + "divide_sum_by_batches sum_means count_all_positions drop_no_grad",
        count="scored",
        batches="len(loader)",
        scored="(labels != -100).sum().item()",
        positions="labels.numel()",
    ),
}
