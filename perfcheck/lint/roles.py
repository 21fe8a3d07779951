"""What a function is for, by where it stands and what it is called."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from perfcheck.events import Hotness
from perfcheck.lint.host_side import simulates
from perfcheck.lint.spelling import spelled

if TYPE_CHECKING:
    from perfcheck.lint.index import CallSite
    from perfcheck.lint.project import FunctionRef, Project

_TEST_PATH = re.compile(
    r"(^|/)(tests?(?=/)|testing(?=/)|unit_?tests?|test_\w+|conftest\.py|\w+_tests?\.py|docs?|doc_\w+|\.github|"
    r"benchmarks?|perf_tests?|profil\w+|userbenchmark|ci|setup\.py|bench_\w+|\w*benchmark\w*\.py|"
    r"tools?/(\w+/)*(convert|export|vis|plot|analy)\w*|convert\w*|conversion|export\w*|onnx\w*|visuali[sz]ation|plot\w*)(/|$|\.py$)",
    re.IGNORECASE,
)
_COLD_NAME = re.compile(
    r"^_*(init(?!_(hidden|state|states|cache|memory|latents?|noise|flow)$)|load|save(?!_(activation|output|feature|grad|hidden|attention))|from_pretrained|export|import|plot|draw|visuali[sz]e|show|display|dump|print|repr|str|"
    r"describe|summar\w+|register|download|reset_(\w+_)?(parameters|buffers|weights)|init_weights|initiali[sz]e(?!_(hidden|state|states|cache|memory|latents?|noise|flow)$)|extra_repr|state_dict|"
    r"load_state_dict|serialize|deserialize|calibrate|profile|benchmark|bench|test_|get_config|merge_and_unload|"
    r"quantize_model|resize_token_embeddings|tie_weights|from_config|write|checkpoint|on_save|on_load|finalize|shutdown|"
    r"cleanup|close|log_(\w+_)?(norms?|weights|param\w*)|reparameteri[sz]e\w*|\w*_init_buffers|setup_\w+|(after|post|pre|before)_load\w*|\w*(data)?loaders?|"
    r"local_init|\w*_init(iali[sz]ation)?|checkpoint_\w+|log_model|on_(train|validation|test|predict)_(start|end)|on_fit_\w+|warm_?up_?(model)?$|deploy|"
    r"switch_to_deploy|compile|maybe_(\w+_)?(save|checkpoint|export|log|plot|print)\w*|"
    r"(get|compute|count|calc|calculate|estimate|measure)_(\w+_)?(flops?|macs|model_complexity))(_|$)",
    re.IGNORECASE,
)
_SETUP_NAME = re.compile(
    r"^_*(setup|set_up|teardown|tear_down|build|create|make|convert|format_|prep(are)?_(model|data(set)?s?)|configure|check|"
    r"validate_(config|args|params)|merge|unmerge|read|(maybe_)?restore|set|apply$|_apply$|set_input_size|resample\w*|re_?size$|re_?init\w*|eject|pre_?comput\w*|fuse|new|parse|fit$|calibrate$|tune$)(_|$)",
    re.IGNORECASE,
)
"""Done once, unless the call graph says otherwise."""
_COLD_DUNDER = frozenset(
    """__repr__ __str__ __del__ __setstate__ __getstate__ __reduce__ __deepcopy__ __copy__
    __init_subclass__ __format__
    __hash__ __dir__ __enter__ __exit__ __post_init__""".split()
)
_STEP_METHODS = frozenset(
    """training_step validation_step test_step predict_step train_step eval_step val_step train_batch
    compute_loss calculate_loss
    training_step_end validation_step_end prediction_step optimizer_step optimizer_zero_grad forward_step
    forward_backward
    manual_backward train_on_batch eval_batch forward_train simple_test forward_test backward_step
    train_one_step train_one_batch
    on_train_batch_start on_train_batch_end on_validation_batch_end on_before_optimizer_step
    before_train_iter after_train_iter
    after_val_iter optimize_parameters generate_token generate_next_token decode_one_token decode_step
    denoise_step sample_step p_sample
    p_mean_variance q_sample training_losses get_loss calc_loss loss_fn update_policy update_critic
    update_actor learn
    configure_gradient_clipping lr_scheduler_step transfer_batch_to_device on_after_backward
    train_minibatch process_batch process_micro_batch micro_step train_epoch_step""".split()
)
_STEP_NAME = re.compile(
    r"_*(forward_backward\w*|clip_grad\w*|(run_|do_|_)*(train|training|val|valid|validation|eval|test|forward|backward|optim\w*|update|"
    r"generator|discriminator|on|after|before|denoise|denoising|decode|decoding|sampling|inference|predict\w*|rollout)_?(step|iter(ation)?|(mini)?batch)(_(start|end|begin))?|"
    r"(on|after|before)_(backward_pass|forward_pass|minibatch_begin|minibatch_end)|"
    r"(on|after|before)_(train|training|eval|evaluation|val|valid|validation|test|predict)_(step|iter|iteration|batch)(_(start|end|begin))?)$"
)
_FORWARD = re.compile(r"^_*((\w+_)?forward|forward_(?!pre_|hook)\w+)$")
_METRICS = re.compile(r"(^|/)\w*metrics?(/|\.py$)")
_HOOK = re.compile(r"(^|_)hook(_fn)?$")
"""Functions within functions: registered there, and run in every forward or backward."""
_STEP_WORD = re.compile(r"[a-z0-9]_step(_|$)|(^|_)step_[a-z]")
_GETTER = re.compile(
    r"^_*(get|is|has|num|should|can|global|last|first|current|add|with|of|log|register)_|_(size|count|num|id)$"
)
_STEP_BY_BASE = (
    ("torch.optim.Optimizer", frozenset({"step", "_step", "zero_grad"})),
    ("torchmetrics.Metric", frozenset({"update", "forward"})),
    ("torch.distributions.Distribution", frozenset({"sample", "rsample", "log_prob", "entropy"})),
    ("torch.autograd.Function", frozenset({"forward", "backward"})),
    ("transformers.LogitsProcessor", frozenset({"__call__"})),
)
_RARE_BY_BASE = (
    ("torch.nn.Module", "right_inverse"),  # of a parametrization: what is assigned to the parameter
    ("transformers.Trainer", "log"),
)
_METRIC_STEPS = frozenset({"update", "__call__", "iteration_completed", "forward", "accumulate", "process"})
_EPOCH_METHODS = frozenset(
    """on_train_epoch_end on_validation_epoch_end on_train_epoch_start on_epoch_end training_epoch_end
    validation_epoch_end
    on_test_epoch_end after_train_epoch after_val_epoch evaluate compute_metrics compute
    evaluation_loop""".split()
)


def is_test_path(path: str) -> bool:
    """Tests, benchmarks, converters, documentation: what never runs in training or serving."""
    return bool(_TEST_PATH.search(path)) or path == "bench.py"


_REFERENCE = re.compile(r"(^|_)(naive|reference|ref_impl)(_|$)")
"""What tests compare with: ``naive_attention``, ``forward_reference``."""
_TRIES = re.compile(r"^_*check_")
_MEMOIZES = re.compile(r"(^|_)(cached?|memoized?|lazy_?property|singleton)(_|$)")
"""Once for the same arguments: ``lru_cache``, ``cached_property``, and a project's own by such names."""
_ANSWERS = re.compile(
    r"^_*(infer|inference|predict|detect|estimate|attribute|compress|decompress|voice_conversion|"
    r"embed_utterance|detect_language|predict_hypothesis|extract_target_se|get_conditioning_latents|"
    r"get_(attention|attn)_maps?)$"
)
"""What is done once for each utterance, image or request, or to look into a model."""


def role(project: Project, function: FunctionRef) -> tuple[Hotness, bool]:
    """(how hot a function is by role alone, whether calls from hot places leave it cold)."""
    record = function.record
    name = record.name
    if memoizes(function) or _is_reference(name) or "init_process_group" in record.names:
        return Hotness.COLD, True
    if record.owner:
        owner = project.owner(function)
        outside = project.ancestry(owner)[1] if owner is not None else frozenset()
        last = record.owner.rpartition(".")[2]
        if owner is not None:
            if name == "forward" and (len(record.params) > 1 or "torch.nn.Module" in outside):
                return Hotness.STEP, False
            if _is_forward(name) and "torch.nn.Module" in outside:
                return Hotness.STEP, False
            if name in ("train", "eval") and "torch.nn.Module" in outside and len(record.params) < 3:
                return Hotness.EPOCH, True  # a change of mode
            if any(name == rare and base in outside for base, rare in _RARE_BY_BASE):
                return Hotness.COLD, True
            for base, names in _STEP_BY_BASE:
                if name in names and base in outside:
                    return Hotness.STEP, False
            if name == "__next__":
                return Hotness.STEP, False
            if name in ("backward", "step") and ("Optimizer" in last or "Engine" in last or "Scaler" in last):
                return Hotness.STEP, False
            if (
                last.endswith(("Optimizer", "Adam", "AdamW", "Lamb", "LAMB"))
                and not _stays_cold(name)
                and not _sets_up(name)
                and not name.startswith("__")
            ):
                return Hotness.STEP, False
            if last.endswith("MetadataBuilder") and "build" in name:
                return Hotness.STEP, False  # vLLM and its kin describe each batch to the attention kernels
            if name == "step" and "Scheduler" in record.owner and "LR" not in record.owner:
                return Hotness.STEP, False
            if name == "step" and simulates(last):
                return Hotness.STEP, False
            if name == "__call__" and (
                "Pipeline" in record.owner
                or ("Processor" in record.owner and "Attn" in record.owner)
                or last.endswith(("Loss", "Criterion"))
            ):
                return Hotness.STEP, False
            if (name in _METRIC_STEPS or name == "add") and any(
                c.record.qualname.endswith(("Metric", "Meter")) for c in project.ancestry(owner)[0]
            ):
                return Hotness.STEP, False
        if name in _COLD_DUNDER or name == "__init__":
            return Hotness.COLD, name != "__init__"
    if name.lstrip("_") in _STEP_METHODS or _is_step(name) or (record.outer and _is_hook(name)):
        # `train_step(epoch)` goes through the data, `learn(num_steps)` through rollouts and their updates
        is_epoch = (record.passes and "epoch" in record.params) or (
            name == "learn" and any(site.level == Hotness.EPOCH for site in record.calls)
        )
        return Hotness.EPOCH if is_epoch else Hotness.STEP, False
    if name in _EPOCH_METHODS or (name.endswith("_compute") and _METRICS.search(function.module.path)):
        return Hotness.EPOCH, False
    if _stays_cold(name):
        return Hotness.COLD, not record.outer  # what stands within another function runs as that says
    if _speaks_of_step(name) and not _sets_up(name) and not _gets(name):
        return Hotness.STEP, False
    if _learns_once(function):
        return Hotness.STEP, False
    return Hotness.COLD, False


def memoizes(function: FunctionRef) -> bool:
    """Does a decorator keep what it returns, for the same arguments?"""
    return any(_remembers(decorator.rpartition(".")[2]) for decorator in function.record.decorators)


def tries_out(function: FunctionRef) -> bool:
    """``def check_chasing_env():``, handed nothing: what a person runs to see that something works."""
    record = function.record
    return not record.params and not record.outer and _tries(record.name)


def _learns_once(function: FunctionRef) -> bool:
    """``loss.backward(); optimizer.step()``, without a loop around the step: who calls it has the loop."""
    record = function.record
    if not record.owner or not {"backward", "step"} <= record.names:
        return False
    sites = [site for site in record.calls if site.target.endswith((".backward", ".step"))]
    steps = [site for site in sites if site.target.endswith(".step")]
    return 0 < len(steps) < len(sites) and all(
        site.level == Hotness.COLD and not site.repeated for site in steps
    )


def ends_epoch(project: Project, function: FunctionRef) -> bool:
    """Does it sum up a metric, or begin one? It is called once for many updates, though ``forward`` does
    too."""
    ends = function.record.name in ("compute", "aggregate", "reset")
    owner = project.owner(function) if ends else None
    if owner is None:
        return False
    ancestors, outside = project.ancestry(owner)
    return "torchmetrics.Metric" in outside or any(
        c.record.name.endswith(("Metric", "Average")) for c in ancestors
    )


def is_setup(function: FunctionRef) -> bool:
    """Is it done once by its name, as ``build_model`` is, or since it makes parameters, if no caller is known
    to run often?"""
    record = function.record
    setter = any(decorator.endswith(".setter") for decorator in record.decorators)
    if setter or ("Parameter" in record.names and any(map(_makes_parameter, record.calls))):
        return True
    return is_setup_name(record.name) and not takes_batch(function)


def _makes_parameter(site: CallSite) -> bool:
    return site.target in ("Parameter", "nn.Parameter", "torch.nn.Parameter")


def is_setup_name(name: str) -> bool:
    """``build_model``, ``set_scale``, ``merge``: what is done once, as far as a name tells."""
    return _sets_up(name)


def answers_request(function: FunctionRef) -> bool:
    """Is it done once for each utterance, image or request, as ``inference`` is, unless it has callers, or
    is handed a batch?"""
    return _answers(function.record.name) and not takes_batch(function)


def takes_batch(function: FunctionRef) -> bool:
    """Is it handed one batch, and so done once for each?"""
    return any(map(is_batch_name, function.record.params))


def is_batch_name(name: str) -> bool:
    """``batch``, ``train_batch``, ``batch_data``"""
    return _is_batch(name)


def steps_on_batch(name: str) -> bool:
    """``train_step``, ``eval_on_batch``: by its name, is it handed one batch, whatever that is called?"""
    return _is_step_on_batch(name)


_STEP_ON_BATCH = re.compile(
    r"^_*((run|do)_)?(train|training|val|valid|validation|eval|evaluation|evaluate|test|predict|prediction|process|fit)"
    r"_(on_|one_|a_|single_)?((mini|micro)_?)?(step|batch|iter|iteration)$"
)
_BATCH = re.compile(
    r"^(\w+_)?(mini_?|micro_?)?batch(_(data|encoding|inputs|dict))?$|^(dataloader_iter|data_iterator)$"
)

_is_reference = spelled(_REFERENCE.search)
_remembers = spelled(_MEMOIZES.search)
_tries = spelled(_TRIES.match)
_answers = spelled(_ANSWERS.match)
_stays_cold = spelled(_COLD_NAME.match)
_sets_up = spelled(_SETUP_NAME.match)
_is_step = spelled(_STEP_NAME.match)
_is_forward = spelled(_FORWARD.match)
_is_hook = spelled(_HOOK.search)
_speaks_of_step = spelled(_STEP_WORD.search)
_gets = spelled(_GETTER.match)
_is_batch = spelled(_BATCH.match)
_is_step_on_batch = spelled(_STEP_ON_BATCH.match)
