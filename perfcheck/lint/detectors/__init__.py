"""What no pattern can say: small functions from a body's facts to places, named in rule pages.

``DETECTORS`` maps the name a page uses to "module:function" below this package; the module is
imported when the first rule that names it runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from importlib import import_module
from typing import Final, cast

from perfcheck.lint.facts import Match, Scope

Detector = Callable[[Scope], Iterable[Match]]

DETECTORS: Final[dict[str, str]] = {
    # meta
    "unused-suppression": "comments:unused_suppression",
    # sync
    "element-reads": "element_reads:element_reads",
    "iterated-tensor": "element_reads:iterated_tensor",
    "any-all-branch": "branches:any_all_branch",
    "builtin-comparisons": "branches:builtin_comparisons",
    "adjacent-reads": "adjacent_reads:adjacent_reads",
    "device-scalars-as-integers": "device_numbers:device_scalars_as_integers",
    "tensors-of-device-scalars": "device_numbers:tensors_of_device_scalars",
    "grad-scaler-reads": "scaler_reads:grad_scaler_reads",
    "host-metrics": "host_metrics:host_metrics",
    "eager-error-texts": "error_texts:eager_error_texts",
    "mask-writes": "mask_writes:mask_writes",
    "device-waits": "device_waits:device_waits",
    "causal-mask-detected": "causal_masks:causal_mask_detected",
    "validated-distributions": "distributions:validated_distributions",
    # memory format
    "converted-twice": "conversions:converted_twice",
    "heads-repeated-for-attention": "grouped_heads:repeated_heads",
    # transfer
    "factory-then-device": "transfers:factory_then_device",
    "round-trips": "transfers:round_trips",
    "copied-before-reduction": "early_copies:copied_before_reduction",
    "blocking-batch-mover": "batch_movers:blocking_batch_mover",
    "non-blocking-not-passed": "batch_movers:non_blocking_not_passed",
    "plain-tensor-attributes": "transfers:plain_tensor_attributes",
    "attributes-moved-in-forward": "transfers:attributes_moved_in_forward",
    "pinned-blocking-copies": "transfers:pinned_blocking_copies",
    "casts-before-transfer": "transfers:casts_before_transfer",
    "early-host-reads": "transfers:early_host_reads",
    "blocking-offloads": "offloading:blocking_offloads",
    # data loading
    "device-copies-in-datasets": "transfers:device_copies_in_datasets",
    "loaders-without-workers": "data_loading:loaders_without_workers",
    "pinning-off-by-default": "loader_settings:pinning_off_by_default",
    "restarted-workers": "data_loading:restarted_workers",
    "per-sample-setup": "data_loading:per_sample_setup",
    "lists-of-arrays": "data_loading:lists_of_arrays",
    "unbatched-tokenization": "data_loading:unbatched_tokenization",
    # launch overhead
    "growing-cat": "growing_cat:growing_cat",
    "cat-onto-state": "growing_cat:cat_onto_state",
    "cat-read-in-loop": "growing_cat:cat_read_in_loop",
    "element-writes": "element_writes:element_writes",
    "slices-copied": "element_writes:slices_copied",
    "counts-in-loop": "element_writes:counts_in_loop",
    "loop-over-batch": "tensor_loops:loop_over_batch",
    "loop-over-parameters": "parameter_loops:loop_over_parameters",
    "ema-loop": "parameter_loops:ema_loop",
    "rnn-cell-loop": "recurrent_cells:rnn_cell_loop",
    "manual-attention": "attention:manual_attention",
    "expert-loop": "experts:expert_loop",
    "train-mode-every-step": "training_mode:train_mode_every_step",
    "causal-mask-given": "causal_masks:causal_mask_given",
    "written-out-activations": "activations:written_out_activations",
    "embedding-per-column": "embedding_columns:embedding_per_column",
    "pieces-made": "joined_pieces:pieces_made",
    "product-summed": "summed_products:product_summed",
    "computed-in-loop": "invariants:computed_in_loop",
    "settings-worked-out": "invariants:settings_worked_out",
    "tables-made": "tables:tables_made",
    "norm-of-joined": "joined_pieces:norm_of_joined",
    "logits-of-all-tokens": "last_token:logits_of_all_tokens",
    # compile
    "branch-on-tensor-in-compiled": "compiled_code:branch_on_tensor",
    "dynamic-shape-in-compiled": "compiled_code:dynamic_shape",
    "logging-in-compiled": "compiled_code:logging",
    "state-changed-in-compiled": "compiled_code:state_changed",
    # precision
    "autocast-around-backward": "autocast:autocast_around_backward",
    "gradscaler-with-bf16": "grad_scaler:gradscaler_with_bf16",
    # autograd
    "eval-without-no-grad": "evaluation:eval_without_no_grad",
    "inference-method-with-grad": "evaluation:inference_method_with_grad",
    "no-grad-around-inference": "inference_mode:no_grad_around_inference",
    "optimizer-not-fused": "optimizer:optimizer_not_fused",
    "zero-grad-to-zeros": "zero_grad:zero_grad_to_zeros",
    "grad-zero-loop": "parameter_loops:grad_zero_loop",
    "ema-with-graph": "parameter_loops:ema_with_graph",
    "conv-bias-before-batchnorm": "convolution_bias:conv_bias_before_batchnorm",
    "detach-after-forward": "detached_forward:detach_after_forward",
    "target-with-graph": "bootstrapped_targets:target_with_graph",
    "generator-in-critic-step": "critic_steps:generator_in_critic_step",
    # memory
    "loss-accumulated-with-graph": "graph_retention:loss_accumulated",
    "outputs-kept-with-graph": "graph_retention:outputs_kept",
    "state-kept-with-graph": "graph_retention:state_kept",
    "empty-cache-in-loop": "released_memory:empty_cache",
    "gc-collect-in-loop": "released_memory:collect_garbage",
    "save-in-loop": "saves:save_in_loop",
    "all-hidden-states-kept": "hidden_states:all_hidden_states_kept",
    "log-softmax-gathered": "selected_logprobs:log_softmax_gathered",
    "outputs-unread": "unread_lists:outputs_unread",
    # distributed
    "accumulation-without-no-sync": "gradient_accumulation:accumulation_without_no_sync",
    "gather-in-training-step": "gathered_losses:gather_in_training_step",
    "metrics-reduced-in-step": "reduced_metrics:metrics_reduced_in_step",
    "all-gather-then-cat": "gathered_lists:all_gather_then_cat",
}


PARAMETERS: Final = frozenset({"parameters", "named_parameters"})
_CONCATENATIONS = frozenset({"cat", "concat", "concatenate", "hstack", "vstack"})
BACKWARD: Final = frozenset({"backward", "manual_backward"})
_READS = frozenset({"item", "float", "int"})
_LOADERS = frozenset({"DataLoader", "StatefulDataLoader", "GraphDataLoader"})
_MOVES = frozenset({"to", "cuda", "type", "type_as"})
_FROM_DATA = frozenset({"tensor", "as_tensor", "asarray", "new_tensor", "FloatTensor", "LongTensor"})
_SIZED = """
range zeros ones empty full rand randn randint eye arange view reshape expand repeat narrow split chunk
pad topk select roll tril triu new_zeros new_ones new_empty unflatten interpolate
"""
_METRICS = """
metrics accuracy_score balanced_accuracy_score f1_score precision_score recall_score roc_auc_score
average_precision_score precision_recall_fscore_support confusion_matrix classification_report r2_score
cohen_kappa_score matthews_corrcoef jaccard_score mean_squared_error mean_absolute_error
"""
_CONVERSIONS = frozenset(
    "to type contiguous bool byte char short int long half bfloat16 float double".split()
)
_DISTRIBUTIONS = """
log_prob cdf icdf Normal Categorical Bernoulli Independent MultivariateNormal Beta Gamma Dirichlet
Uniform Laplace Poisson Exponential OneHotCategorical TransformedDistribution StudentT Cauchy LogNormal
RelaxedBernoulli RelaxedOneHotCategorical Multinomial Binomial MixtureSameFamily distributions
"""
_EVALUATES = """
eval evaluate evaluation validate validation val valid infer inference predict detect test_epoch run_test
model argmax multinomial test_model do_test embed_all extract_features extract_embeddings get_embeddings
get_activations collect_activations cache_activations extract_activations evaluate_model eval_model eval_epoch
validate_epoch validate_model run_eval run_evaluation run_validation run_inference batch_evaluation
evaluate_one_epoch predict_batch encode encode_image encode_text
reconstruct progress sample net network backbone encoder vae clip no_grad inference_mode from_pretrained
act get_action select_action choose_action sample_action get_action_and_value policy actor item tolist numpy
"""

EVALUATION_STEPS: Final = """eval_step validation_step valid_step val_step test_step evaluation_step
    _eval_step _validation_step _valid_step _val_step _test_step _evaluation_step""".split()
STEPS: Final = frozenset(
    """training_step train_step train_batch train_on_batch train_one_step train_one_batch optimize_parameters
    learn process_batch step run_batch run_step train_iter fit_batch update optimize update_step
    _training_step _train_step _train_batch _run_batch _run_step _step _update""".split()
)
"""Functions that may go backward themselves: their bodies say whether they do."""
_TRAINS = STEPS | BACKWARD | {"training_batch"}

NEEDS: Final[dict[str, frozenset[str]]] = {
    "element-reads": _READS,
    "iterated-tensor": _READS | {"bool", "str", "print", "tolist", "append", "any", "all"},
    "eager-error-texts": frozenset({"min", "max"}),
    "any-all-branch": frozenset({"any", "all"}),
    "builtin-comparisons": frozenset({"max", "min", "sorted", "sort", "any", "all"}),
    "adjacent-reads": _READS,
    "device-scalars-as-integers": frozenset(_SIZED.split()),
    "tensors-of-device-scalars": _FROM_DATA,
    "grad-scaler-reads": frozenset({"get_scale"}),
    "device-waits": frozenset({"synchronize"}),
    "host-metrics": frozenset(_METRICS.split()),
    "validated-distributions": frozenset(_DISTRIBUTIONS.split()),
    "converted-twice": _CONVERSIONS,
    "heads-repeated-for-attention": frozenset({"flash_attn_func", "flash_attn_varlen_func"}),
    "factory-then-device": _MOVES,
    "blocking-batch-mover": frozenset({"to", "cuda"}),
    "round-trips": frozenset({"cpu", "numpy", "tolist", "item"}),
    "copied-before-reduction": frozenset(
        {"all", "any", "argmax", "argmin", "max", "mean", "min", "norm", "std", "sum"}
    ),
    "plain-tensor-attributes": _MOVES,
    "attributes-moved-in-forward": _MOVES,
    "pinned-blocking-copies": _MOVES,
    "casts-before-transfer": _MOVES,
    "early-host-reads": _MOVES,
    "device-copies-in-datasets": frozenset({"__getitem__", "collate", "collate_fn", "_collate_fn"}),
    "loaders-without-workers": _LOADERS,
    "restarted-workers": _LOADERS | {"num_workers"},
    "pinning-off-by-default": frozenset({"pin_memory", "num_workers"}),
    "per-sample-setup": frozenset({"__getitem__"}),
    "lists-of-arrays": _FROM_DATA,
    "unbatched-tokenization": frozenset({"map"}),
    "growing-cat": _CONCATENATIONS,
    "cat-onto-state": _CONCATENATIONS,
    "cat-read-in-loop": _CONCATENATIONS,
    "loop-over-batch": frozenset({"range", "enumerate", "stack", "vstack", "hstack", "dstack"}),
    "loop-over-parameters": PARAMETERS | {"grad", "addcdiv_", "addcmul_", "lerp_"},
    "manual-attention": frozenset({"softmax"}),
    "train-mode-every-step": frozenset({"train"}),
    "written-out-activations": frozenset({"sigmoid", "tanh", "erf"}),
    "pieces-made": _CONCATENATIONS | {"stack"},
    "product-summed": frozenset({"sum"}),
    "computed-in-loop": frozenset({"cat", "stack", "arange", "softmax", "einsum", "where", "repeat"}),
    "settings-worked-out": frozenset({"unique", "array", "asarray", "linspace", "meshgrid", "argsort"}),
    "norm-of-joined": frozenset({"norm", "vector_norm"}),
    "logits-of-all-tokens": frozenset(
        {"lm_head", "to_logits", "embed_out", "output_projection", "output_layer"}
    ),
    "tables-made": frozenset({"arange", "tensor", "linspace", "meshgrid", "tril", "triu", "eye"}),
    "outputs-unread": frozenset({"append"}),
    "causal-mask-given": frozenset({"scaled_dot_product_attention"}),
    "autocast-around-backward": BACKWARD,
    "gradscaler-with-bf16": frozenset({"GradScaler"}),
    "eval-without-no-grad": frozenset([*_EVALUATES.split(), *EVALUATION_STEPS]),
    "no-grad-around-inference": frozenset({"no_grad", "eval", "model"}),
    "optimizer-not-fused": frozenset({"Adam", "AdamW"}),
    "inference-method-with-grad": frozenset(
        {
            "inference",
            "infer",
            "predict",
            "generate",
            "synthesize",
            "translate",
            "recommend",
            "sample",
            "sampling",
            "p_sample_loop",
            "ddim_sample",
            "denoise",
            "argmax",
            "multinomial",
        }
    ),
    "zero-grad-to-zeros": frozenset({"zero_grad"}),
    "grad-zero-loop": PARAMETERS,
    "ema-with-graph": PARAMETERS,
    "conv-bias-before-batchnorm": frozenset({"BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "SyncBatchNorm"}),
    "detach-after-forward": frozenset({"detach", "argmax", "argmin", "item", "tolist", "data"}),
    "generator-in-critic-step": BACKWARD,
    "target-with-graph": BACKWARD | {"gamma", "_gamma", "discount", "compute_target", "compute_targets"},
    "loss-accumulated-with-graph": _TRAINS,
    "outputs-kept-with-graph": _TRAINS,
    "empty-cache-in-loop": frozenset({"empty_cache"}),
    "gc-collect-in-loop": frozenset({"collect"}),
    "save-in-loop": frozenset({"save"}),
    "log-softmax-gathered": frozenset({"log_softmax"}),
    "all-hidden-states-kept": frozenset({"hidden_states", "last_hidden_state", "logits", "pooler_output"}),
    "accumulation-without-no-sync": frozenset({"step"}),
    "metrics-reduced-in-step": BACKWARD | {"step", "all_reduce"},
    "gather-in-training-step": frozenset({"gather", "gather_for_metrics", "reduce"}),
    "all-gather-then-cat": frozenset({"all_gather"}),
}
"""Names of which a body must call or read one (or bear it) to be worth a detector's look; one that
is not listed looks at every body."""

REPEATED: Final = frozenset(
    {
        "unused-suppression",
        "blocking-offloads",
        "counts-in-loop",
        "logging-in-compiled",
        "state-kept-with-graph",
    }
)
"""Of those, the ones that find nothing where nothing is hot, repeated or compiled."""


@cache
def detector(name: str) -> Detector:
    """The detector a page names; :class:`KeyError` if there is none of that name."""
    module, function = DETECTORS[name].split(":")
    return cast(Detector, getattr(import_module(f"{__name__}.{module}"), function))
