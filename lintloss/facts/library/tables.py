"""Tables of names: criteria, layers, models, functions that change nothing. Data, not code."""

from __future__ import annotations

import re

from lintloss.patterns import regex

# Criterion functions and classes -> canonical name (torch.nn.functional's where there is one).
CRITERIA = {
    "cross_entropy": "cross_entropy",
    "CrossEntropyLoss": "cross_entropy",
    "nll_loss": "nll_loss",
    "NLLLoss": "nll_loss",
    "NLLLoss2d": "nll_loss",
    "linear_cross_entropy": "cross_entropy",
    "LinearCrossEntropyLoss": "cross_entropy",
    "AdaptiveLogSoftmaxWithLoss": "cross_entropy",
    "mse_loss": "mse_loss",
    "MSELoss": "mse_loss",
    "l1_loss": "l1_loss",
    "L1Loss": "l1_loss",
    "smooth_l1_loss": "smooth_l1_loss",
    "SmoothL1Loss": "smooth_l1_loss",
    "huber_loss": "huber_loss",
    "HuberLoss": "huber_loss",
    "binary_cross_entropy": "binary_cross_entropy",
    "BCELoss": "binary_cross_entropy",
    "binary_cross_entropy_with_logits": "binary_cross_entropy_with_logits",
    "BCEWithLogitsLoss": "binary_cross_entropy_with_logits",
    "kl_div": "kl_div",
    "KLDivLoss": "kl_div",
    "hinge_embedding_loss": "hinge_embedding_loss",
    "HingeEmbeddingLoss": "hinge_embedding_loss",
    "multi_margin_loss": "multi_margin_loss",
    "MultiMarginLoss": "multi_margin_loss",
    "cosine_embedding_loss": "cosine_embedding_loss",
    "CosineEmbeddingLoss": "cosine_embedding_loss",
    "margin_ranking_loss": "margin_ranking_loss",
    "MarginRankingLoss": "margin_ranking_loss",
    "triplet_margin_loss": "triplet_margin_loss",
    "TripletMarginLoss": "triplet_margin_loss",
    "gaussian_nll_loss": "gaussian_nll_loss",
    "GaussianNLLLoss": "gaussian_nll_loss",
    "poisson_nll_loss": "poisson_nll_loss",
    "PoissonNLLLoss": "poisson_nll_loss",
    "ctc_loss": "ctc_loss",
    "CTCLoss": "ctc_loss",
    "multilabel_soft_margin_loss": "multilabel_soft_margin_loss",
    "MultiLabelSoftMarginLoss": "multilabel_soft_margin_loss",
    "softmax_cross_entropy_with_integer_labels": "cross_entropy",
    "softmax_cross_entropy_with_logits": "cross_entropy",
    "sparse_softmax_cross_entropy_with_logits": "cross_entropy",
    "softmax_cross_entropy": "cross_entropy",
    "LigerCrossEntropyLoss": "cross_entropy",
    "liger_cross_entropy": "cross_entropy",
    "CEWithChunkedOutputLoss": "cross_entropy",
    "LabelSmoothingCrossEntropy": "cross_entropy",
    "SoftTargetCrossEntropy": "cross_entropy",
}
# Criteria of Keras and friends: (targets, predictions), one value per position unless a loss object reduces.
KERAS_CRITERIA = {
    "sparse_categorical_crossentropy": "cross_entropy",
    "categorical_crossentropy": "cross_entropy",
    "SparseCategoricalCrossentropy": "cross_entropy",
    "CategoricalCrossentropy": "cross_entropy",
    "binary_crossentropy": "binary_cross_entropy",
    "BinaryCrossentropy": "binary_cross_entropy",
    "mean_squared_error": "mse_loss",
    "MeanSquaredError": "mse_loss",
}
UNREDUCED = {  # functions that return one value per position
    "softmax_cross_entropy_with_integer_labels",
    "softmax_cross_entropy_with_logits",
    "sparse_softmax_cross_entropy_with_logits",
    "softmax_cross_entropy",
    "sparse_categorical_crossentropy",
    "categorical_crossentropy",
    "binary_crossentropy",
}
CROSS_ENTROPIES = {"cross_entropy", "nll_loss"}
CRITERION_NAME = regex(
    r"(^|_)(criterion|crit|loss_?(fn|func|function|fct|f|criterion|obj|object|module|compute)|objective|lossfn|lossfunc|criterions|ce_loss|nll_loss|cross_entropy|celoss)(_\w)?$",
    re.IGNORECASE,
)
# Functions and methods that compute the loss of a batch by themselves: `compute_loss(model, batch)`, `model.get_loss(x)`.
LOSS_MAKER = regex(
    r"^_*((compute|calc|calculate|get|forward|batch|step|eval|evaluate|val|valid|lm|token|masked|seq|sequence|model)_(\w+_)?loss(_(with|for|on|from|by)_\w+)?|loss)$",
    re.IGNORECASE,
)
LOSS_NAME = regex(
    r"^(\w*_)?(loss|nll|xent|ce)(_?(item|value|val|batch|scalar|t|i|b|sum|mean|reduced|avg))?$|^l_?loss$|^loss\d?$",
    re.IGNORECASE,
)
PERPLEXITY_NAME = regex(
    r"^((batch|val|valid|eval|test|step|sent|doc|sample)_)?(ppl|perplexity)(_(item|value|val|batch|t|i|b))?$"
)
# Of what an exponential makes: `sentence_perplexity`, `docPpl`; no average of others.
ENDS_IN_PERPLEXITY = regex(
    r"^(?!\w*(avg|average|mean|total|sum|best|min|max|log|train|running|prev|last))(\w+_)?(ppl|perplexity|perp)s?(_(item|value|i))?$"
    r"|^(?!avg|average|mean|total|sum|best|min|max|log|train|running|prev|last)[a-z]+\w*(Perplexity|Ppl|PPL|Perp)$"
)
NOT_A_LOSS = regex(
    r"best|min|max|prev|last|lowest|train|_fn$|_func$|total|sum|running|epoch|avg|mean|history|reg|kl|aux|weight|acc",
    re.IGNORECASE,
)
MODEL_NAME = regex(
    r"(^|_)(model|net|network|lm|llm|gpt|transformer|lstm|rnn|module|classifier|generator|policy|student|engine|bert|ddp|wrapper|unet|resnet)(\d|s|_\w+)?$",
    re.IGNORECASE,
)
LOGITS_NAME = regex(r"logit|output|pred|score|^out$|^y_?hat$|^yhat$|lprobs|log_?probs?", re.IGNORECASE)

# Functions and methods through which a value passes unchanged (first argument or receiver).
SAME = frozenset(
    [
        "item",
        "detach",
        "cpu",
        "cuda",
        "to",
        "float",
        "double",
        "half",
        "bfloat16",
        "long",
        "int",
        "type",
        "type_as",
        "clone",
        "contiguous",
        "numpy",
        "tolist",
        "requires_grad_",
        "data",
        "get",
        "asnumpy",
        "unsqueeze",
        "squeeze",
        "expand",
        "expand_as",
        "as_tensor",
        "asarray",
        "tensor",
        "from_numpy",
        "Variable",
        "array",
        "FloatTensor",
        "Tensor",
        "LongTensor",
        "round",
        "abs",
        "device_get",
        "block_until_ready",
        "copy",
        "nan_to_num",
        "nanmean_",
        "astype",
        "eval_",
        "pin_memory",
        "__float__",
        "scalar_tensor",
        "cast",
        "convert_to_numpy",
        "deepcopy",
        "stop_gradient",
        "convert_to_tensor",
        "DoubleTensor",
    ]
)
# Of these, the methods that leave a tensor's entries and their order alone, and those that read a few numbers from it.
TENSOR_MOVES = frozenset(
    {"to", "cuda", "cpu", "long", "int", "float", "double", "half", "type", "type_as", "astype"}
    | {"contiguous", "detach", "clone", "pin_memory"}
)
NUMBER_READS = frozenset({"item", "tolist", "cpu", "cuda", "to", "numpy", "float", "double", "detach", "clone"})
FLATTENING = frozenset({"view", "reshape", "flatten", "ravel", "rearrange", "view_as", "reshape_as", "flatten_"})
REGRESSIONS = frozenset({"mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss"})
MEANS = frozenset({"mean", "average", "nanmean", "reduce_mean", "fmean", "mean_"})
SUMS = frozenset({"sum", "reduce_sum", "fsum", "nansum"})
EXPS = frozenset({"exp"})
FILLED = frozenset({"zeros", "empty", "ones", "full", "zeros_like", "new_zeros", "empty_like"})
GATHERS = frozenset(
    {
        "gather",
        "gather_for_metrics",
        "all_gather",
        "all_gather_object",
        "concat_all_gather",
        "gather_tensor",
        "gather_across_processes",
    }
)
CAUSAL = regex(
    r"(ForCausalLM|LMHeadModel|AutoModelWithLMHead|DoubleHeadsModel)$",
)
MASKED_MODELS = regex(r"(ForMaskedLM|ForPreTraining)$")
PAIRED = regex(r"(ForConditionalGeneration|AutoModelForSeq2SeqLM|EncoderDecoderModel|MTModel)$")
HEADED = regex(
    r"(ForSequenceClassification|ForTokenClassification|ForQuestionAnswering|ForMultipleChoice|ForImageClassification)$"
)
