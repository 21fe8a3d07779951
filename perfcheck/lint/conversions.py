"""What reads or moves its values because that is its purpose: conversions, writers, timers; and kernels."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from perfcheck.lint.project import FunctionRef

_CONVERSION = re.compile(
    r"^_*((\w+_)?(to|as|into|2)_?(numpy|np|cpu|list|lists|python|host|scalars?|items?|json|pil|image|string|str|dict|device)|"
    r"(get|read|format)_(value|scalar|item)s?|(tensor|torch|t)2\w+|numpy|scalar|tolist|item|detach_\w+|unwrap\w*|cpu|cuda|to|as_float|listify|jsonify|numpify|time_synchron\w+|cuda_time)$"
)


_HOST_CLASS = re.compile(
    r"(Callback|Logger|Visuali[sz]er|Artifact|Writer|Plotter|Exporter|Converter|Saver|Checkpoint(er|Callback|Hook|Manager|IO)?|Benchmark\w*|Profiler|"
    r"Tokenizer|Config|Servicer?|App|Cache|Loader|Weights|Buffer|Env|Environment|Dataset|Reader|Parser|Builder|Factory|DataModule)$"
)


def is_conversion(function: FunctionRef) -> bool:
    """``to_numpy`` reads what it is given because that is its purpose: its callers are to blame, if anybody.
    So it is with what writes, plots, loads or talks to a simulator."""
    record = function.record
    return bool(
        _CONVERSION.match(record.name)
        or _HOST_CLASS.search(record.owner)
        or "env_step" in record.name
        or any("custom_op" in d or d.endswith((".impl", "register_fake")) for d in record.decorators)
        or (not _TIMING.isdisjoint(record.names) and "backward" not in record.names)
    )


def is_kernel(function: FunctionRef) -> bool:
    """Does its body run on the GPU?"""
    return any(map(_KERNEL.search, function.record.decorators))


_KERNEL = re.compile(r"(^|\.)(cuda\.jit|triton\.(jit|autotune|heuristics)|cute\.(jit|kernel))$")


def is_reader(function: FunctionRef) -> bool:
    """``_get_value(x)``, ``to_numpy(x)``: it is there to read what it is given."""
    name = function.record.name
    return bool(_CONVERSION.match(name)) and not name.endswith(("device", "cuda", "to"))


_TIMING = frozenset(
    """perf_counter monotonic time_ns elapsed_time max_memory_allocated memory_allocated max_memory_reserved
    reset_peak_memory_stats memory_stats memory_reserved mem_get_info process_time""".split()
)
"""What code that measures uses: there waiting is the purpose, unless it trains as well."""
