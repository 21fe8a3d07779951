"""The table of operators: what a call returns and what it does to host and device.

Data only; ``reader.py`` explains the notation. A row is one line.
"""

# ruff: noqa: E501

TABLE = """
# ---- Reading device values on the host -------------------------------------------------------------
Tensor.item : self -> number | aten item _local_scalar_dense
    host-sync -- src, 2.13
Tensor.tolist : self -> list | aten -
    host-sync d2h-copy -- 2.13
Tensor.numpy : self * force -> array | aten -
    host-sync d2h-copy if is_true('force') -- known
Tensor.cpu : self memory_format -> host | aten _to_copy
    host-sync d2h-copy -- src, 2.13
Tensor.__bool__ : self -> bool | aten is_nonzero
    host-sync -- src, 2.13
Tensor.__float__ Tensor.__complex__ : self -> number | aten -
    host-sync -- src, 2.13
Tensor.__int__ Tensor.__index__ Tensor.__long__ : self -> int | aten -
    host-sync -- src, 2.13
Tensor.__format__ : self format_spec -> str | aten -
    host-sync -- 2.13
Tensor.__repr__ Tensor.__str__ : self -> str | aten -
    host-sync -- 2.13
Tensor.__contains__ : self element -> bool | aten -
    host-sync -- 2.13
Tensor.__array__ : self dtype -> array | aten -
Tensor.__len__ : self -> int | aten -
Tensor.__iter__ : self -> list(tensor) | aten unbind
Tensor.__reversed__ : self -> tensor | aten flip
Tensor.__hash__ : self -> int | aten -
Tensor.__deepcopy__ : self memo -> same | aten -
Tensor.__getitem__ : self index -> tensor own | aten index
    host-sync if has_mask('index') -- src, 2.13
    host-sync if has_device_scalar('index') -- src, 2.13
    host-sync h2d-copy pageable-copy if device('self') and has_host_index('index') -- src
    h2d-copy if device('self') and host('index') and bool_dtype('index') -- src
    host-sync if device('self') and host('index') and bool_dtype('index') before 2.9 -- https://github.com/pytorch/pytorch/pull/156384
Tensor.__setitem__ : self index value -> none | aten index_put_
    host-sync if has_mask('index') and (device('value') or has_masks('index') or surely_scalar('index')) -- src, 2.13
    host-sync if has_device_scalar('index') -- src, 2.13
    host-sync d2h-copy if host('self') and device('value') -- src
    host-sync h2d-copy pageable-copy if device('self') and has_host_index('index') -- src
    h2d-copy if device('self') and host('index') and bool_dtype('index') -- src
    host-sync if device('self') and host('index') and bool_dtype('index') before 2.9 -- https://github.com/pytorch/pytorch/pull/156384
    host-sync h2d-copy if device('self') and host('value') -- src
    host-sync h2d-copy if device('self') and number('value') and selects_element('index') before 2.15 -- https://github.com/pytorch/pytorch/pull/188267
    host-sync h2d-copy if device('self') and number('value') and has_device_index('index') before 2.15 -- https://github.com/pytorch/pytorch/pull/188330
torch.is_nonzero Tensor.is_nonzero : self -> bool
    host-sync -- known
torch.equal Tensor.equal : self other -> bool
    host-sync if same_shape('self', 'other') -- src, 2.13
torch.allclose Tensor.allclose : self other rtol:n atol:n equal_nan -> bool
    host-sync -- 2.13

# ---- Shapes that depend on values ------------------------------------------------------------------
torch.nonzero Tensor.nonzero : self * as_tuple -> list(tensor int) if is_true('as_tuple') else tensor int
    host-sync -- src, 2.13
torch.argwhere Tensor.argwhere : self -> tensor int
    host-sync -- src, 2.13
torch.nonzero_static Tensor.nonzero_static : self * size:n fill_value:n -> tensor int
torch.where : condition self other -> list(tensor int) if missing('self') else tensor elementwise
    host-sync if missing('self') and not surely_host('condition') -- src, 2.13
Tensor.where : self condition other -> tensor elementwise
torch.masked_select Tensor.masked_select : self mask -> tensor 1d own
    host-sync -- src, 2.13
torch.unique Tensor.unique : self sorted return_inverse return_counts dim:n -> tuple(tensor, tensor int, tensor int) if is_true('return_inverse') and is_true('return_counts') else tuple(tensor, tensor int) if is_true('return_inverse') or is_true('return_counts') else tensor 1d if missing('dim') else tensor | aten _unique2 unique_dim
    host-sync -- src, 2.13
torch.unique_consecutive Tensor.unique_consecutive : self return_inverse return_counts dim:n -> tuple(tensor, tensor int, tensor int) if is_true('return_inverse') and is_true('return_counts') else tuple(tensor, tensor int) if is_true('return_inverse') or is_true('return_counts') else tensor 1d if missing('dim') else tensor | aten unique_consecutive unique_dim_consecutive
    host-sync -- src, 2.13
torch.bincount Tensor.bincount : self weights minlength:n -> tensor 1d float if given('weights') else tensor 1d int
    host-sync -- src, 2.13
torch.histc Tensor.histc : self bins:n min:n max:n -> tensor float
    host-sync if missing('min') and missing('max') -- src, 2.13
torch.repeat_interleave Tensor.repeat_interleave : self repeats dim:n * output_size:n -> tensor own | contiguous
    host-sync if tensor('repeats') and missing('output_size') -- src, 2.13, issue 108968
    host-sync if count(1) and missing('output_size') -- src, 2.13
torch.combinations : self r:n with_replacement -> tensor 2d | aten -
    host-sync -- 2.13
torch.nn.functional.one_hot : self num_classes:n -> tensor int | contiguous
    host-sync if missing('num_classes') or equals('num_classes', -1) -- src, 2.13

# ---- Moving and converting -------------------------------------------------------------------------
Tensor.to : self device dtype non_blocking copy * memory_format -> to | aten _to_copy
    host-sync if to_device() and not is_true('non_blocking') -- src, 2.13
    h2d-copy if to_device() -- src, 2.13
    pageable-copy if to_device() and unpinned('self') -- src
    host-sync if to_host() and not is_true('non_blocking') -- src, 2.13
    d2h-copy if to_host() -- src, 2.13
Tensor.cuda : self device non_blocking memory_format -> device | aten _to_copy
    host-sync if to_device() and not is_true('non_blocking') -- src, 2.13
    h2d-copy if to_device() -- src, 2.13
    pageable-copy if to_device() and unpinned('self') -- src
Tensor.xpu : self device non_blocking memory_format -> device | aten -
    h2d-copy if to_device() -- known
Tensor.copy_ : self other non_blocking -> self
    host-sync if to_device() and not is_true('non_blocking') -- src, 2.13
    h2d-copy if to_device() -- src, 2.13
    pageable-copy if to_device() and unpinned('other') -- src
    host-sync if to_host() and not is_true('non_blocking') -- src, 2.13
    d2h-copy if to_host() -- src, 2.13
Tensor.pin_memory : self device -> pin
Tensor.is_pinned : self device -> bool
Tensor.type : self dtype non_blocking -> str if missing('dtype') else to | aten _to_copy
    host-sync if to_device() and not is_true('non_blocking') -- src
    h2d-copy if to_device() -- src
    pageable-copy if to_device() and unpinned('self') -- src
    host-sync d2h-copy if to_host() -- src
Tensor.type_as : self other -> to | aten _to_copy
    host-sync h2d-copy if to_device() -- src, 2.13
    pageable-copy if to_device() and unpinned('self') -- src
    host-sync d2h-copy if to_host() -- src, 2.13
Tensor.float Tensor.double Tensor.half Tensor.bfloat16 : self memory_format -> tensor elementwise float | aten _to_copy
Tensor.int Tensor.long Tensor.short Tensor.char Tensor.byte : self memory_format -> tensor elementwise int | aten _to_copy
Tensor.bool : self memory_format -> tensor elementwise bool | aten _to_copy
Tensor.contiguous : self memory_format -> same | contiguous | aten contiguous
    hidden-copy if changes_layout() -- 2.13
torch.clone Tensor.clone : self * memory_format -> same
torch.detach Tensor.detach Tensor.detach_ torch.detach_ : self -> same
Tensor.requires_grad_ : self requires_grad -> same | aten -
Tensor.retain_grad : self -> none | aten -
Tensor.backward : self gradient retain_graph create_graph inputs -> none | aten -

# ---- Elementwise, one operand ------------------------------------------------------------------------
torch.abs Tensor.abs Tensor.abs_ torch.abs_ : self -> tensor elementwise
torch.absolute Tensor.absolute Tensor.absolute_ : self -> tensor elementwise
torch.neg Tensor.neg Tensor.neg_ torch.neg_ : self -> tensor elementwise
torch.negative Tensor.negative Tensor.negative_ torch.negative_ : self -> tensor elementwise
torch.positive Tensor.positive : self -> tensor elementwise
torch.sign Tensor.sign Tensor.sign_ : self -> tensor elementwise
torch.sgn Tensor.sgn Tensor.sgn_ : self -> tensor elementwise
torch.square Tensor.square Tensor.square_ torch.square_ : self -> tensor elementwise promoted
torch.ceil Tensor.ceil Tensor.ceil_ torch.ceil_ : self -> tensor elementwise
torch.floor Tensor.floor Tensor.floor_ torch.floor_ : self -> tensor elementwise
torch.round Tensor.round Tensor.round_ torch.round_ : self * decimals:n -> tensor elementwise
torch.trunc Tensor.trunc Tensor.trunc_ torch.trunc_ : self -> tensor elementwise
torch.fix Tensor.fix Tensor.fix_ torch.fix_ : self -> tensor elementwise
torch.frac Tensor.frac Tensor.frac_ torch.frac_ : self -> tensor elementwise
torch.conj Tensor.conj : self -> tensor elementwise
torch.conj_physical Tensor.conj_physical Tensor.conj_physical_ torch.conj_physical_ : self -> tensor elementwise
torch.resolve_conj Tensor.resolve_conj : self -> tensor elementwise
torch.resolve_neg Tensor.resolve_neg : self -> tensor elementwise
torch.nan_to_num Tensor.nan_to_num Tensor.nan_to_num_ torch.nan_to_num_ : self nan:n posinf:n neginf:n -> tensor elementwise
torch.acos Tensor.acos Tensor.acos_ torch.acos_ : self -> tensor elementwise float
torch.arccos Tensor.arccos Tensor.arccos_ torch.arccos_ : self -> tensor elementwise float
torch.acosh Tensor.acosh Tensor.acosh_ torch.acosh_ : self -> tensor elementwise float
torch.arccosh Tensor.arccosh Tensor.arccosh_ torch.arccosh_ : self -> tensor elementwise float
torch.asin Tensor.asin Tensor.asin_ torch.asin_ : self -> tensor elementwise float
torch.arcsin Tensor.arcsin Tensor.arcsin_ torch.arcsin_ : self -> tensor elementwise float
torch.asinh Tensor.asinh Tensor.asinh_ torch.asinh_ : self -> tensor elementwise float
torch.arcsinh Tensor.arcsinh Tensor.arcsinh_ torch.arcsinh_ : self -> tensor elementwise float
torch.atan Tensor.atan Tensor.atan_ torch.atan_ : self -> tensor elementwise float
torch.arctan Tensor.arctan Tensor.arctan_ torch.arctan_ : self -> tensor elementwise float
torch.atanh Tensor.atanh Tensor.atanh_ torch.atanh_ : self -> tensor elementwise float
torch.arctanh Tensor.arctanh Tensor.arctanh_ torch.arctanh_ : self -> tensor elementwise float
torch.cos Tensor.cos Tensor.cos_ torch.cos_ : self -> tensor elementwise float
torch.cosh Tensor.cosh Tensor.cosh_ torch.cosh_ : self -> tensor elementwise float
torch.deg2rad Tensor.deg2rad Tensor.deg2rad_ torch.deg2rad_ : self -> tensor elementwise float
torch.digamma Tensor.digamma torch.special.digamma Tensor.digamma_ : self -> tensor elementwise float
torch.erf Tensor.erf torch.special.erf Tensor.erf_ torch.erf_ : self -> tensor elementwise float
torch.erfc Tensor.erfc torch.special.erfc Tensor.erfc_ torch.erfc_ : self -> tensor elementwise float
torch.erfinv Tensor.erfinv torch.special.erfinv Tensor.erfinv_ : self -> tensor elementwise float
torch.exp Tensor.exp Tensor.exp_ torch.exp_ : self -> tensor elementwise float
torch.exp2 Tensor.exp2 torch.special.exp2 Tensor.exp2_ torch.exp2_ : self -> tensor elementwise float
torch.expm1 Tensor.expm1 torch.special.expm1 Tensor.expm1_ torch.expm1_ : self -> tensor elementwise float
torch.i0 Tensor.i0 torch.special.i0 Tensor.i0_ torch.i0_ : self -> tensor elementwise float
torch.lgamma Tensor.lgamma Tensor.lgamma_ : self -> tensor elementwise float
torch.log Tensor.log Tensor.log_ torch.log_ : self -> tensor elementwise float
torch.log10 Tensor.log10 Tensor.log10_ torch.log10_ : self -> tensor elementwise float
torch.log1p Tensor.log1p torch.special.log1p Tensor.log1p_ torch.log1p_ : self -> tensor elementwise float
torch.log2 Tensor.log2 Tensor.log2_ torch.log2_ : self -> tensor elementwise float
torch.logit Tensor.logit torch.special.logit Tensor.logit_ torch.logit_ : self eps:n -> tensor elementwise float
torch.mvlgamma Tensor.mvlgamma Tensor.mvlgamma_ : self p:n -> tensor elementwise float
torch.rad2deg Tensor.rad2deg Tensor.rad2deg_ torch.rad2deg_ : self -> tensor elementwise float
torch.reciprocal Tensor.reciprocal Tensor.reciprocal_ torch.reciprocal_ : self -> tensor elementwise float
torch.rsqrt Tensor.rsqrt Tensor.rsqrt_ torch.rsqrt_ : self -> tensor elementwise float
torch.sigmoid Tensor.sigmoid torch.nn.functional.sigmoid Tensor.sigmoid_ torch.sigmoid_ : self -> tensor elementwise float
torch.sin Tensor.sin Tensor.sin_ torch.sin_ : self -> tensor elementwise float
torch.sinc Tensor.sinc torch.special.sinc Tensor.sinc_ torch.sinc_ : self -> tensor elementwise float
torch.sinh Tensor.sinh Tensor.sinh_ torch.sinh_ : self -> tensor elementwise float
torch.sqrt Tensor.sqrt Tensor.sqrt_ torch.sqrt_ : self -> tensor elementwise float
torch.tan Tensor.tan Tensor.tan_ torch.tan_ : self -> tensor elementwise float
torch.tanh Tensor.tanh torch.nn.functional.tanh Tensor.tanh_ torch.tanh_ : self -> tensor elementwise float
torch.angle Tensor.angle : self -> tensor elementwise float
torch.polygamma torch.special.polygamma : n:n self -> tensor elementwise float
Tensor.polygamma Tensor.polygamma_ : self n:n -> tensor elementwise float
torch.isfinite Tensor.isfinite : self -> tensor elementwise bool
torch.isinf Tensor.isinf : self -> tensor elementwise bool
torch.isnan Tensor.isnan : self -> tensor elementwise bool
torch.isneginf Tensor.isneginf : self -> tensor elementwise bool
torch.isposinf Tensor.isposinf : self -> tensor elementwise bool
torch.isreal Tensor.isreal : self -> tensor elementwise bool
torch.signbit Tensor.signbit : self -> tensor elementwise bool
torch.logical_not Tensor.logical_not Tensor.logical_not_ : self -> tensor elementwise bool
torch.bitwise_not Tensor.bitwise_not Tensor.bitwise_not_ : self -> tensor elementwise
torch.frexp Tensor.frexp : self -> tuple(tensor elementwise float, tensor elementwise int)

# ---- Elementwise, two operands and more --------------------------------------------------------------
torch.add Tensor.add Tensor.add_ : self other * alpha:n -> tensor elementwise
torch.sub Tensor.sub Tensor.sub_ : self other * alpha:n -> tensor elementwise
torch.subtract Tensor.subtract Tensor.subtract_ : self other * alpha:n -> tensor elementwise
torch.mul Tensor.mul Tensor.mul_ : self other -> tensor elementwise
torch.multiply Tensor.multiply Tensor.multiply_ : self other -> tensor elementwise
torch.rsub : self other alpha:n -> tensor elementwise
torch.fmod Tensor.fmod Tensor.fmod_ : self other -> tensor elementwise
torch.remainder Tensor.remainder Tensor.remainder_ : self other -> tensor elementwise
torch.floor_divide Tensor.floor_divide Tensor.floor_divide_ : self other -> tensor elementwise
torch.pow Tensor.pow Tensor.pow_ : self exponent -> tensor elementwise
torch.minimum Tensor.minimum : self other -> tensor elementwise
torch.maximum Tensor.maximum : self other -> tensor elementwise
torch.fmin Tensor.fmin : self other -> tensor elementwise
torch.fmax Tensor.fmax : self other -> tensor elementwise
torch.clamp Tensor.clamp Tensor.clamp_ torch.clamp_ : self min max -> tensor elementwise
torch.clip Tensor.clip Tensor.clip_ torch.clip_ : self min max -> tensor elementwise
torch.clamp_min Tensor.clamp_min Tensor.clamp_min_ torch.clamp_min_ : self min -> tensor elementwise
torch.clamp_max Tensor.clamp_max Tensor.clamp_max_ torch.clamp_max_ : self max -> tensor elementwise
torch.bitwise_and Tensor.bitwise_and Tensor.bitwise_and_ : self other -> tensor elementwise
torch.bitwise_or Tensor.bitwise_or Tensor.bitwise_or_ : self other -> tensor elementwise
torch.bitwise_xor Tensor.bitwise_xor Tensor.bitwise_xor_ : self other -> tensor elementwise
torch.bitwise_left_shift Tensor.bitwise_left_shift Tensor.bitwise_left_shift_ : self other -> tensor elementwise
torch.bitwise_right_shift Tensor.bitwise_right_shift Tensor.bitwise_right_shift_ : self other -> tensor elementwise
torch.gcd Tensor.gcd Tensor.gcd_ torch.gcd_ : self other -> tensor elementwise
torch.lcm Tensor.lcm Tensor.lcm_ torch.lcm_ : self other -> tensor elementwise
torch.copysign Tensor.copysign Tensor.copysign_ : self other -> tensor elementwise float
torch.nextafter Tensor.nextafter Tensor.nextafter_ : self other -> tensor elementwise
torch.lerp Tensor.lerp Tensor.lerp_ : self end weight -> tensor elementwise
torch.addcmul Tensor.addcmul Tensor.addcmul_ : self tensor1 tensor2 * value:n -> tensor elementwise
torch.addcdiv Tensor.addcdiv Tensor.addcdiv_ : self tensor1 tensor2 * value:n -> tensor elementwise
torch.heaviside Tensor.heaviside Tensor.heaviside_ : self values -> tensor elementwise
torch.ldexp Tensor.ldexp Tensor.ldexp_ torch.ldexp_ : self other -> tensor elementwise float
torch.div Tensor.div Tensor.div_ : self other * rounding_mode -> tensor elementwise if given('rounding_mode') else tensor elementwise float
torch.divide Tensor.divide Tensor.divide_ : self other * rounding_mode -> tensor elementwise if given('rounding_mode') else tensor elementwise float
torch.true_divide Tensor.true_divide Tensor.true_divide_ : self other -> tensor elementwise float
torch.atan2 Tensor.atan2 Tensor.atan2_ : self other -> tensor elementwise float
torch.arctan2 Tensor.arctan2 Tensor.arctan2_ : self other -> tensor elementwise float
torch.hypot Tensor.hypot Tensor.hypot_ : self other -> tensor elementwise float
torch.logaddexp Tensor.logaddexp : self other -> tensor elementwise float
torch.logaddexp2 Tensor.logaddexp2 : self other -> tensor elementwise float
torch.xlogy Tensor.xlogy torch.special.xlogy Tensor.xlogy_ torch.xlogy_ : self other -> tensor elementwise float
torch.igamma Tensor.igamma Tensor.igamma_ : self other -> tensor elementwise float
torch.igammac Tensor.igammac Tensor.igammac_ : self other -> tensor elementwise float
torch.float_power Tensor.float_power Tensor.float_power_ : self exponent -> tensor elementwise float
torch.eq Tensor.eq Tensor.eq_ : self other -> tensor elementwise bool
torch.ne Tensor.ne Tensor.ne_ : self other -> tensor elementwise bool
torch.not_equal Tensor.not_equal Tensor.not_equal_ : self other -> tensor elementwise bool
torch.lt Tensor.lt Tensor.lt_ : self other -> tensor elementwise bool
torch.less Tensor.less Tensor.less_ : self other -> tensor elementwise bool
torch.le Tensor.le Tensor.le_ : self other -> tensor elementwise bool
torch.less_equal Tensor.less_equal Tensor.less_equal_ : self other -> tensor elementwise bool
torch.gt Tensor.gt Tensor.gt_ : self other -> tensor elementwise bool
torch.greater Tensor.greater Tensor.greater_ : self other -> tensor elementwise bool
torch.ge Tensor.ge Tensor.ge_ : self other -> tensor elementwise bool
torch.greater_equal Tensor.greater_equal Tensor.greater_equal_ : self other -> tensor elementwise bool
torch.isclose Tensor.isclose : self other rtol:n atol:n equal_nan -> tensor elementwise bool
torch.logical_and Tensor.logical_and Tensor.logical_and_ : self other -> tensor elementwise bool
torch.logical_or Tensor.logical_or Tensor.logical_or_ : self other -> tensor elementwise bool
torch.logical_xor Tensor.logical_xor Tensor.logical_xor_ : self other -> tensor elementwise bool
torch.isin : elements test_elements * assume_unique invert -> tensor bool
torch.bucketize : self boundaries * out_int32 right -> tensor elementwise int
torch.searchsorted : sorted_sequence self * out_int32 right side sorter -> tensor elementwise int
torch.polar : abs angle -> tensor elementwise complex
torch.complex : real imag -> tensor elementwise complex
Tensor.__add__ Tensor.__radd__ Tensor.__sub__ Tensor.__rsub__ Tensor.__mul__ Tensor.__rmul__ Tensor.__mod__ Tensor.__rmod__ Tensor.__floordiv__ Tensor.__rfloordiv__ Tensor.__pow__ Tensor.__rpow__ Tensor.__and__ Tensor.__rand__ Tensor.__or__ Tensor.__ror__ Tensor.__xor__ Tensor.__rxor__ Tensor.__lshift__ Tensor.__rlshift__ Tensor.__rshift__ Tensor.__rrshift__ : self other -> tensor elementwise | aten -
Tensor.__truediv__ Tensor.__rtruediv__ Tensor.__div__ Tensor.__rdiv__ : self other -> tensor elementwise float | aten -
Tensor.__iadd__ Tensor.__isub__ Tensor.__imul__ Tensor.__itruediv__ Tensor.__idiv__ Tensor.__ifloordiv__ Tensor.__imod__ Tensor.__ipow__ Tensor.__iand__ Tensor.__ior__ Tensor.__ixor__ Tensor.__ilshift__ Tensor.__irshift__ : self other -> self | aten -
Tensor.__eq__ Tensor.__ne__ Tensor.__lt__ Tensor.__le__ Tensor.__gt__ Tensor.__ge__ : self other -> tensor elementwise bool | aten -
Tensor.__neg__ Tensor.__pos__ Tensor.__abs__ Tensor.__invert__ : self -> tensor elementwise | aten -
Tensor.__matmul__ Tensor.__rmatmul__ : self other -> tensor | aten -

# ---- Filling and scaling in place --------------------------------------------------------------------
Tensor.zero_ torch.zero_ : self -> self
torch.fill : self value -> tensor elementwise own
Tensor.fill_ torch.fill_ : self value -> self
torch.masked_fill Tensor.masked_fill Tensor.masked_fill_ : self mask value -> tensor elementwise own
    host-sync if device('value') -- src, 2.13
torch.masked_scatter Tensor.masked_scatter Tensor.masked_scatter_ : self mask source -> tensor elementwise own
Tensor.fill_diagonal_ : self fill_value:n wrap -> self
Tensor.uniform_ : self from:n to:n -> self
Tensor.normal_ : self mean:n std:n -> self
Tensor.exponential_ : self lambd:n -> self
Tensor.cauchy_ : self median:n sigma:n -> self
Tensor.log_normal_ : self mean:n std:n -> self
Tensor.geometric_ : self p:n -> self
Tensor.random_ : self from:n to:n -> self
Tensor.bernoulli_ : self p -> self

# ---- Reductions --------------------------------------------------------------------------------------
torch.sum Tensor.sum : self dim:n keepdim * dtype -> reduce promoted
torch.nansum Tensor.nansum : self dim:n keepdim * dtype -> reduce promoted
torch.prod Tensor.prod : self dim:n keepdim * dtype -> reduce promoted
torch.mean Tensor.mean : self dim:n keepdim * dtype -> reduce float
torch.nanmean Tensor.nanmean : self dim:n keepdim * dtype -> reduce float
torch.std Tensor.std : self dim:n unbiased keepdim * correction:n -> reduce float
torch.var Tensor.var : self dim:n unbiased keepdim * correction:n -> reduce float
torch.std_mean torch.var_mean : self dim:n unbiased keepdim * correction:n -> tuple(reduce float, reduce float)
torch.amax Tensor.amax : self dim:n keepdim -> reduce
torch.amin Tensor.amin : self dim:n keepdim -> reduce
torch.aminmax Tensor.aminmax : self * dim:n keepdim -> tuple(reduce, reduce)
torch.all Tensor.all : self dim:n keepdim -> reduce bool
torch.any Tensor.any : self dim:n keepdim -> reduce bool
torch.argmax Tensor.argmax : self dim:n keepdim -> reduce int
torch.argmin Tensor.argmin : self dim:n keepdim -> reduce int
torch.max Tensor.max : self dim keepdim * other -> tensor elementwise if tensor('dim') or given('other') else tuple(tensor, tensor int) if given('dim') else tensor 0d
torch.min Tensor.min : self dim keepdim * other -> tensor elementwise if tensor('dim') or given('other') else tuple(tensor, tensor int) if given('dim') else tensor 0d
torch.median Tensor.median : self dim:n keepdim -> tuple(tensor, tensor int) if given('dim') else tensor 0d
torch.nanmedian Tensor.nanmedian : self dim:n keepdim -> tuple(tensor, tensor int) if given('dim') else tensor 0d
    host-sync before 2.6 -- issue 108968, https://github.com/pytorch/pytorch/pull/134819
torch.mode Tensor.mode : self dim:n keepdim -> tuple(tensor, tensor int)
torch.kthvalue Tensor.kthvalue : self k:n dim:n keepdim -> tuple(tensor, tensor int)
torch.quantile Tensor.quantile : self q dim:n keepdim * interpolation -> tensor float if tensor('q') else reduce float
torch.nanquantile Tensor.nanquantile : self q dim:n keepdim * interpolation -> tensor float if tensor('q') else reduce float
torch.count_nonzero Tensor.count_nonzero : self dim:n -> reduce int
torch.logsumexp Tensor.logsumexp torch.special.logsumexp : self dim:n keepdim -> tensor float
torch.norm Tensor.norm : self p:n dim:n keepdim dtype -> reduce float | aten norm linalg_vector_norm
torch.dist Tensor.dist : self other p:n -> tensor 0d float
torch.cumsum Tensor.cumsum Tensor.cumsum_ : self dim:n * dtype -> tensor elementwise promoted
torch.cumprod Tensor.cumprod Tensor.cumprod_ : self dim:n * dtype -> tensor elementwise promoted
torch.logcumsumexp Tensor.logcumsumexp : self dim:n -> tensor elementwise float
torch.cummax Tensor.cummax : self dim:n -> tuple(tensor elementwise, tensor elementwise int)
torch.cummin Tensor.cummin : self dim:n -> tuple(tensor elementwise, tensor elementwise int)
torch.trace Tensor.trace : self -> tensor 0d promoted
torch.diff Tensor.diff : self n:n dim:n prepend append -> tensor
torch.cov Tensor.cov : self * correction:n fweights aweights -> tensor float
    host-sync -- src, 2.13
torch.corrcoef Tensor.corrcoef : self -> tensor float
    host-sync -- src, 2.13
torch.histogram Tensor.histogram : self bins * weight density range:n -> tuple(tensor float, tensor float)
torch.trapz torch.trapezoid torch.cumulative_trapezoid : y x * dx:n dim:n -> tensor float
torch.gradient : self * spacing dim:n edge_order:n -> list(tensor float)

# ---- Sorting and searching ---------------------------------------------------------------------------
torch.sort Tensor.sort : self dim:n descending stable -> tuple(tensor elementwise, tensor elementwise int)
torch.argsort Tensor.argsort : self dim:n descending stable -> tensor elementwise int
torch.msort Tensor.msort : self -> tensor elementwise
torch.topk Tensor.topk : self k:n dim:n largest sorted -> tuple(tensor, tensor int)

# ---- Shapes and views --------------------------------------------------------------------------------
Tensor.view : self *size:n -> view
Tensor.view_as Tensor.reshape_as Tensor.expand_as : self other -> view
torch.reshape Tensor.reshape : self *shape:n -> view
torch.flatten Tensor.flatten : self start_dim:n end_dim:n -> view 1d if missing('start_dim') and missing('end_dim') else view
torch.unflatten Tensor.unflatten : self dim:n sizes:n -> view
torch.ravel Tensor.ravel : self -> view
torch.squeeze Tensor.squeeze Tensor.squeeze_ : self dim:n -> view
torch.unsqueeze Tensor.unsqueeze Tensor.unsqueeze_ : self dim:n -> view
torch.transpose Tensor.transpose Tensor.transpose_ torch.swapdims Tensor.swapdims Tensor.swapdims_ : self dim0:n dim1:n -> view | strided
torch.swapaxes Tensor.swapaxes Tensor.swapaxes_ : self axis0:n axis1:n -> view | strided
torch.t Tensor.t Tensor.t_ : self -> view | strided
torch.adjoint Tensor.adjoint : self -> view | strided
torch.permute Tensor.permute : self *dims:n -> view | strided
torch.movedim Tensor.movedim torch.moveaxis Tensor.moveaxis : self source:n destination:n -> view | strided
Tensor.expand : self *size:n -> view
torch.broadcast_to Tensor.broadcast_to : self size:n -> view
torch.broadcast_tensors : *tensors -> list(view)
torch.broadcast_shapes : *shapes:n -> size
torch.narrow Tensor.narrow : self dim:n start length:n -> view
torch.select Tensor.select : self dim:n index:n -> view
torch.diagonal Tensor.diagonal : self offset:n dim1:n dim2:n -> view
torch.linalg.diagonal : A * offset:n dim1:n dim2:n -> view | aten diagonal
torch.as_strided Tensor.as_strided Tensor.as_strided_ : self size:n stride:n storage_offset:n -> view
torch.view_as_real : self -> view float
torch.view_as_complex : self -> view complex
torch.unbind Tensor.unbind : self dim:n -> list(view)
torch.split : tensor split_size_or_sections:n dim:n -> list(view)
Tensor.split : self split_size:n dim:n -> list(view)
torch.split_with_sizes Tensor.split_with_sizes : self split_sizes:n dim:n -> list(view)
torch.chunk Tensor.chunk : self chunks:n dim:n -> list(view)
torch.tensor_split Tensor.tensor_split : self indices_or_sections dim:n -> list(view)
torch.hsplit Tensor.hsplit : self indices_or_sections:n -> list(view)
torch.vsplit Tensor.vsplit : self indices_or_sections:n -> list(view)
torch.dsplit Tensor.dsplit : self indices_or_sections:n -> list(view)
Tensor.unfold : self dimension:n size:n step:n -> view
torch.atleast_1d torch.atleast_2d torch.atleast_3d : *tensors -> view if count(1) else list(view) | aten -
torch.cat torch.concat torch.concatenate : tensors dim:n -> tensor
torch.stack : tensors dim:n -> tensor
torch.hstack torch.vstack torch.dstack torch.column_stack torch.row_stack : tensors -> tensor
torch.block_diag : *tensors -> tensor | contiguous
torch.cartesian_prod : *tensors -> tensor 2d
torch.meshgrid : *tensors indexing -> list(view)
torch.flip Tensor.flip : self *dims:n -> tensor elementwise own
torch.fliplr Tensor.fliplr : self -> tensor elementwise
torch.flipud Tensor.flipud : self -> tensor elementwise
torch.roll Tensor.roll : self shifts:n dims:n -> tensor elementwise own
torch.rot90 Tensor.rot90 : self k:n dims:n -> tensor elementwise
Tensor.repeat : self *repeats:n -> tensor own | contiguous
torch.tile Tensor.tile : self *dims:n -> tensor own | contiguous
torch.tril Tensor.tril Tensor.tril_ : self diagonal:n -> tensor elementwise | contiguous
torch.triu Tensor.triu Tensor.triu_ : self diagonal:n -> tensor elementwise | contiguous
torch.diag Tensor.diag : self diagonal:n -> tensor
torch.diagflat Tensor.diagflat : self offset:n -> tensor
torch.diag_embed Tensor.diag_embed : self offset:n dim1:n dim2:n -> tensor
torch.nn.functional.pad : input pad:n mode value:n -> tensor own | aten pad constant_pad_nd reflection_pad1d replication_pad1d
Tensor.resize_ : self *size:n * memory_format -> self
Tensor.resize_as_ torch.resize_as_ : self the_template * memory_format -> self
Tensor.set_ : self source storage_offset:n size:n stride:n -> self

# ---- Gathering and scattering ------------------------------------------------------------------------
torch.index_select Tensor.index_select : self dim:n index -> tensor own | contiguous
torch.gather Tensor.gather : self dim:n index * sparse_grad -> tensor own
torch.take Tensor.take : self index -> tensor own
torch.take_along_dim Tensor.take_along_dim : self indices dim:n -> tensor own
torch.scatter Tensor.scatter Tensor.scatter_ : self dim:n index src * value:n reduce -> tensor elementwise own
torch.scatter_add Tensor.scatter_add Tensor.scatter_add_ : self dim:n index src -> tensor elementwise own
torch.scatter_reduce Tensor.scatter_reduce Tensor.scatter_reduce_ : self dim:n index src reduce * include_self -> tensor elementwise own
torch.index_add Tensor.index_add Tensor.index_add_ : self dim:n index source * alpha:n -> tensor elementwise own
torch.index_copy Tensor.index_copy Tensor.index_copy_ : self dim:n index source -> tensor elementwise own
torch.index_fill Tensor.index_fill Tensor.index_fill_ : self dim:n index value -> tensor elementwise own
    host-sync if device('value') -- 2.13
torch.index_reduce Tensor.index_reduce Tensor.index_reduce_ : self dim:n index source reduce * include_self -> tensor elementwise own
torch.index_put Tensor.index_put Tensor.index_put_ torch.index_put_ : self indices values accumulate -> tensor elementwise own
    host-sync if has_mask('indices') -- src, 2.13
torch.put Tensor.put Tensor.put_ : self index source accumulate -> tensor elementwise own
torch.select_scatter Tensor.select_scatter : self src dim:n index:n -> tensor elementwise own
torch.slice_scatter Tensor.slice_scatter : self src dim:n start:n end:n step:n -> tensor elementwise own
torch.diagonal_scatter Tensor.diagonal_scatter : self src offset:n dim1:n dim2:n -> tensor elementwise own
torch.unravel_index : indices shape:n -> list(tensor int) | aten -
    host-sync h2d-copy pageable-copy -- src, 2.13

# ---- Making tensors ----------------------------------------------------------------------------------
torch.tensor : data * dtype device requires_grad pin_memory -> factory | aten -
    host-sync h2d-copy pageable-copy if to_device() -- src, 2.13
    host-sync if contains_device('data') -- 2.13
torch.as_tensor torch.asarray : data dtype device -> like | aten -
    host-sync h2d-copy pageable-copy if to_device() and not contains_device('data') -- src, 2.13
    host-sync if contains_device('data') -- 2.13
    host-sync d2h-copy if to_host() -- known
torch.from_numpy : ndarray -> host | aten -
torch.frombuffer : buffer * dtype count:n offset:n requires_grad -> host | contiguous | aten -
torch.from_file : filename shared size:n * dtype device pin_memory requires_grad -> host | contiguous
torch.scalar_tensor : s:n * dtype device pin_memory -> factory | contiguous
torch.zeros torch.ones torch.rand torch.randn : *size:n dtype device pin_memory requires_grad -> factory | contiguous
torch.empty : *size:n dtype device pin_memory requires_grad memory_format -> factory | contiguous
torch.full : size:n fill_value:n * dtype device pin_memory requires_grad -> factory | contiguous
torch.arange torch.range : start:n end:n step:n * dtype device pin_memory requires_grad -> factory 1d | contiguous
torch.linspace : start end steps:n * dtype device pin_memory requires_grad -> factory 1d | contiguous
    host-sync if device('start') or device('end') -- 2.13
torch.logspace : start end steps:n base:n * dtype device pin_memory requires_grad -> factory 1d | contiguous
    host-sync if device('start') or device('end') -- 2.13
torch.eye : n:n m:n * dtype device pin_memory requires_grad -> factory | contiguous
torch.randint : low:n high:n size:n * dtype device pin_memory requires_grad -> factory int | contiguous
torch.randperm : n:n * dtype device pin_memory requires_grad -> factory int 1d | contiguous
torch.tril_indices torch.triu_indices : row:n col:n offset:n * dtype device pin_memory -> factory int | contiguous
torch.empty_strided : size:n stride:n * dtype device pin_memory requires_grad -> factory
torch.zeros_like torch.ones_like torch.empty_like torch.rand_like torch.randn_like : self * dtype device pin_memory requires_grad memory_format -> like elementwise
torch.full_like : self fill_value:n * dtype device pin_memory requires_grad memory_format -> like elementwise
torch.randint_like : self low:n high * dtype device pin_memory requires_grad memory_format -> like elementwise
Tensor.new_zeros Tensor.new_ones Tensor.new_empty : self *size:n dtype device pin_memory requires_grad -> like | contiguous
Tensor.new_full : self size:n fill_value:n * dtype device pin_memory requires_grad -> like | contiguous
Tensor.new_empty_strided : self size:n stride:n dtype device pin_memory requires_grad -> like
Tensor.new_tensor : self data * dtype device requires_grad pin_memory -> like | aten -
    host-sync h2d-copy pageable-copy if to_device() and not contains_device('data') -- src, 2.13
    host-sync if contains_device('data') -- 2.13
Tensor.new : self *size:n device -> like | aten -
    host-sync h2d-copy pageable-copy if to_device() -- known
torch.Tensor torch.FloatTensor torch.DoubleTensor torch.HalfTensor : *data -> host | aten -
torch.LongTensor torch.IntTensor torch.ByteTensor torch.BoolTensor torch.ShortTensor : *data -> host | contiguous | aten -
torch.cuda.FloatTensor torch.cuda.DoubleTensor torch.cuda.HalfTensor torch.cuda.LongTensor torch.cuda.IntTensor torch.cuda.ByteTensor torch.cuda.BoolTensor : *data -> device | contiguous
    host-sync h2d-copy pageable-copy if to_device() and not size('data') -- known
torch.nn.Parameter : data requires_grad -> like elementwise
torch.nn.Buffer : data * persistent -> like elementwise
torch.nn.UninitializedParameter : requires_grad device dtype -> factory
torch.sparse_coo_tensor : indices values size:n * dtype device pin_memory requires_grad is_coalesced -> tensor
    host-sync if missing('size') -- known
torch.bartlett_window torch.blackman_window torch.hann_window : window_length:n periodic * dtype device pin_memory requires_grad -> factory | contiguous
torch.hamming_window : window_length:n periodic alpha:n beta:n * dtype device pin_memory requires_grad -> factory | contiguous
torch.kaiser_window : window_length:n periodic beta:n * dtype device pin_memory requires_grad -> factory | contiguous
torch.vander : x N:n increasing -> tensor | aten -
torch.linalg.vander : x * N:n -> tensor | aten -

# ---- Random numbers ----------------------------------------------------------------------------------
torch.bernoulli Tensor.bernoulli : self p -> tensor elementwise
torch.multinomial Tensor.multinomial : self num_samples:n replacement -> tensor int
    host-sync if not is_true('replacement') or equals('num_samples', 1) before 2.6 -- src, https://github.com/pytorch/pytorch/pull/134818
torch.normal : mean std size:n * dtype device pin_memory requires_grad -> tensor elementwise float if tensor('mean') or tensor('std') else factory float
    host-sync if device('std') before 2.14 -- src, 2.13, issue 108968
torch.poisson : self -> tensor elementwise
torch.binomial : count prob -> tensor elementwise
torch.manual_seed : seed:n -> generator | aten -
torch.seed torch.initial_seed :  -> int | aten -
torch.get_rng_state :  -> host | aten -
torch.set_rng_state : new_state -> none | aten -
torch.cuda.get_rng_state torch.cuda.random.get_rng_state : device -> host
    host-sync d2h-copy if always() -- known
torch.cuda.set_rng_state : new_state device -> none

# ---- Matrix products and linear algebra --------------------------------------------------------------
torch.matmul Tensor.matmul torch.linalg.matmul : self other -> tensor | aten matmul
torch.mm Tensor.mm : self mat2 out_dtype:n -> tensor | contiguous
torch.bmm Tensor.bmm : self mat2 out_dtype:n -> tensor | contiguous
torch.mv Tensor.mv : self vec -> tensor | contiguous
torch.dot Tensor.dot : self tensor -> tensor 0d
torch.vdot Tensor.vdot : self other -> tensor 0d
torch.inner Tensor.inner : self other -> tensor
torch.outer Tensor.outer torch.ger Tensor.ger : self vec2 -> tensor | aten -
torch.addmm Tensor.addmm Tensor.addmm_ : self mat1 mat2 out_dtype:n * beta:n alpha:n -> tensor
torch.addmv Tensor.addmv Tensor.addmv_ torch.addmv_ : self mat vec * beta:n alpha:n -> tensor
torch.addbmm Tensor.addbmm Tensor.addbmm_ : self batch1 batch2 * beta:n alpha:n -> tensor
torch.baddbmm Tensor.baddbmm Tensor.baddbmm_ : self batch1 batch2 out_dtype:n * beta:n alpha:n -> tensor
torch.addr Tensor.addr Tensor.addr_ : self vec1 vec2 * beta:n alpha:n -> tensor
torch.einsum : equation *operands -> tensor | aten einsum
torch.tensordot : a b dims:n -> tensor | aten -
torch.chain_matmul : *matrices -> tensor | aten -
torch.linalg.multi_dot : tensors -> tensor | aten -
torch.kron Tensor.kron : self other -> tensor
torch.cross Tensor.cross torch.linalg.cross : self other dim:n -> tensor elementwise | aten linalg_cross
torch.cdist : x1 x2 p:n compute_mode:n -> tensor float
torch.linalg.vecdot : x y * dim:n -> tensor
torch.matrix_power Tensor.matrix_power torch.linalg.matrix_power : self n:n -> tensor | aten -
    host-sync if equals('n', -1) or equals('n', -2) -- 2.13
torch.matrix_exp Tensor.matrix_exp torch.linalg.matrix_exp : self -> tensor float | aten linalg_matrix_exp
    host-sync -- 2.13
torch.linalg.cholesky : self * upper -> tensor float | aten -
    host-sync -- 2.13
torch.cholesky Tensor.cholesky : self upper -> tensor float
    host-sync -- 2.13
torch.linalg.inv : A -> tensor float | aten -
    host-sync -- 2.13
torch.inverse Tensor.inverse : self -> tensor float | aten -
    host-sync -- 2.13
torch.linalg.solve : A B * left -> tensor float | aten -
    host-sync -- 2.13
torch.linalg.ldl_factor : self * hermitian -> tuple(tensor float, tensor int) | aten -
    host-sync -- 2.13
torch.linalg.lu_factor : A * pivot -> tuple(tensor float, tensor int) | aten -
    host-sync -- 2.13
torch.linalg.tensorinv : self ind:n -> tensor float | aten -
    host-sync -- 2.13
torch.linalg.tensorsolve : self other dims:n -> tensor float | aten -
    host-sync -- 2.13
torch.linalg.cholesky_ex : self * upper check_errors -> tuple(tensor float, tensor int)
    host-sync if is_true('check_errors') -- 2.13
torch.linalg.inv_ex : A * check_errors -> tuple(tensor float, tensor int)
    host-sync if is_true('check_errors') -- 2.13
torch.linalg.solve_ex : A B * left check_errors -> tuple(tensor float, tensor int) | aten _linalg_solve_ex
    host-sync if is_true('check_errors') -- 2.13
torch.linalg.lu_factor_ex : A * pivot check_errors -> tuple(tensor float, tensor int, tensor int)
    host-sync if is_true('check_errors') -- 2.13
torch.linalg.ldl_factor_ex : self * hermitian check_errors -> tuple(tensor float, tensor int, tensor int)
    host-sync if is_true('check_errors') -- 2.13
torch.linalg.lu : A * pivot -> tuple(tensor float, tensor float, tensor float)
torch.lu : A pivot get_infos -> tuple(tensor float, tensor int) | aten -
Tensor.lu : self pivot get_infos -> tuple(tensor float, tensor int) | aten -
torch.linalg.lu_solve : LU pivots B * left adjoint -> tensor float
torch.lu_solve Tensor.lu_solve : self LU_data LU_pivots -> tensor float
torch.linalg.ldl_solve : LD pivots B * hermitian -> tensor float
torch.cholesky_solve Tensor.cholesky_solve : self input2 upper -> tensor float
torch.cholesky_inverse Tensor.cholesky_inverse : self upper -> tensor float
    host-sync -- 2.13
torch.linalg.solve_triangular : self B * upper left unitriangular -> tensor float
torch.triangular_solve Tensor.triangular_solve : self A upper transpose unitriangular -> tuple(tensor float, tensor float)
torch.linalg.det : A -> tensor float | aten _linalg_det
torch.det Tensor.det : self -> tensor float | aten _linalg_det
torch.linalg.slogdet : A -> tuple(tensor float, tensor float) | aten _linalg_slogdet
torch.slogdet Tensor.slogdet : self -> tuple(tensor float, tensor float) | aten _linalg_slogdet
torch.logdet Tensor.logdet : self -> tensor float | aten -
torch.linalg.qr : A mode -> tuple(tensor float, tensor float)
torch.qr Tensor.qr : self some -> tuple(tensor float, tensor float) | aten linalg_qr
torch.linalg.svd : A full_matrices * driver -> tuple(tensor float, tensor float, tensor float) | aten _linalg_svd
    host-sync -- 2.13
torch.svd Tensor.svd : self some compute_uv -> tuple(tensor float, tensor float, tensor float) | aten _linalg_svd
    host-sync -- 2.13
torch.linalg.svdvals : A * driver -> tensor float | aten -
    host-sync -- 2.13
torch.linalg.eig : self -> tuple(tensor complex, tensor complex)
    host-sync -- src, 2.13
torch.linalg.eigvals : self -> tensor complex | aten _linalg_eigvals
    host-sync -- 2.13
torch.linalg.eigh : self UPLO -> tuple(tensor float, tensor float) | aten _linalg_eigh
    host-sync -- 2.13
torch.linalg.eigvalsh : self UPLO -> tensor float | aten -
    host-sync -- 2.13
torch.linalg.lstsq : self b rcond:n * driver -> tuple(tensor float, tensor float, tensor int, tensor float)
    host-sync -- 2.13
torch.linalg.pinv : self rcond hermitian * atol rtol -> tensor float
    host-sync -- 2.13
torch.pinverse Tensor.pinverse : self rcond:n -> tensor float | aten linalg_pinv
    host-sync -- 2.13
torch.linalg.matrix_rank : self tol hermitian * atol rtol -> tensor int | aten -
    host-sync -- 2.13
torch.linalg.cond : self p -> tensor float | aten -
    host-sync if missing('p') or equals('p', 2) or equals('p', -2) or equals('p', 'nuc') -- 2.13
torch.linalg.norm : self ord dim:n keepdim * dtype -> reduce float | aten -
    host-sync if equals('ord', 2) or equals('ord', -2) or equals('ord', 'nuc') -- 2.13
torch.linalg.vector_norm : self ord:n dim:n keepdim * dtype -> reduce float
torch.linalg.matrix_norm : self ord dim:n keepdim * dtype -> tensor float | aten -
    host-sync if equals('ord', 2) or equals('ord', -2) or equals('ord', 'nuc') -- 2.13
torch.linalg.householder_product : self tau -> tensor float
torch.orgqr Tensor.orgqr : self input2 -> tensor float | aten linalg_householder_product
torch.svd_lowrank : A q:n niter:n M -> tuple(tensor float, tensor float, tensor float) | aten -
    host-sync -- 2.13
torch.pca_lowrank : A q:n center niter:n -> tuple(tensor float, tensor float, tensor float) | aten -
    host-sync -- 2.13
torch.lobpcg : A k:n B X n:n iK niter:n tol:n largest method tracker -> tuple(tensor float, tensor float) | aten -
    host-sync -- 2.13
torch.renorm Tensor.renorm Tensor.renorm_ : self p:n dim:n maxnorm:n -> tensor elementwise

# ---- Fourier transforms ------------------------------------------------------------------------------
torch.fft.fft : self n:n dim:n norm -> tensor complex | aten -
torch.fft.ifft : self n:n dim:n norm -> tensor complex | aten -
torch.fft.fft2 : self s:n dim:n norm -> tensor complex | aten -
torch.fft.ifft2 : self s:n dim:n norm -> tensor complex | aten -
torch.fft.fftn : self s:n dim:n norm -> tensor complex | aten -
torch.fft.ifftn : self s:n dim:n norm -> tensor complex | aten -
torch.fft.rfft : self n:n dim:n norm -> tensor complex | aten -
torch.fft.rfft2 : self s:n dim:n norm -> tensor complex | aten -
torch.fft.rfftn : self s:n dim:n norm -> tensor complex | aten -
torch.fft.ihfft : self n:n dim:n norm -> tensor complex | aten -
torch.fft.ihfft2 : self s:n dim:n norm -> tensor complex | aten -
torch.fft.ihfftn : self s:n dim:n norm -> tensor complex | aten -
torch.fft.irfft : self n:n dim:n norm -> tensor float | aten -
torch.fft.irfft2 : self s:n dim:n norm -> tensor float | aten -
torch.fft.irfftn : self s:n dim:n norm -> tensor float | aten -
torch.fft.hfft : self n:n dim:n norm -> tensor float | aten -
torch.fft.hfft2 : self s:n dim:n norm -> tensor float | aten -
torch.fft.hfftn : self s:n dim:n norm -> tensor float | aten -
torch.fft.fftshift torch.fft.ifftshift : self dim:n -> tensor elementwise | aten -
torch.fft.fftfreq torch.fft.rfftfreq : n:n d:n * dtype device pin_memory requires_grad -> factory float
torch.stft Tensor.stft : self n_fft:n hop_length:n win_length:n window center pad_mode normalized onesided return_complex align_to_window -> tensor float if is_false('return_complex') else tensor complex | aten -
torch.istft Tensor.istft : self n_fft:n hop_length:n win_length:n window center normalized onesided length:n return_complex -> tensor float | aten -
    host-sync -- 2.13, issue 74324

# ---- Special functions -------------------------------------------------------------------------------
torch.special.airy_ai torch.special.scaled_modified_bessel_k0 torch.special.scaled_modified_bessel_k1 torch.special.spherical_bessel_j0 : x -> tensor elementwise float
torch.special.bessel_j0 torch.special.bessel_j1 torch.special.bessel_y0 torch.special.bessel_y1 torch.special.entr torch.special.erfcx torch.special.expit torch.special.gammaln torch.special.i0e torch.special.i1 torch.special.i1e torch.special.log_ndtr torch.special.modified_bessel_i0 torch.special.modified_bessel_i1 torch.special.modified_bessel_k0 torch.special.modified_bessel_k1 torch.special.ndtr torch.special.ndtri torch.special.psi : self -> tensor elementwise float
torch.special.gammainc torch.special.gammaincc torch.special.xlog1py torch.special.zeta : self other -> tensor elementwise float
torch.special.chebyshev_polynomial_t torch.special.chebyshev_polynomial_u torch.special.chebyshev_polynomial_v torch.special.chebyshev_polynomial_w torch.special.hermite_polynomial_h torch.special.hermite_polynomial_he torch.special.laguerre_polynomial_l torch.special.legendre_polynomial_p torch.special.shifted_chebyshev_polynomial_t torch.special.shifted_chebyshev_polynomial_u torch.special.shifted_chebyshev_polynomial_v torch.special.shifted_chebyshev_polynomial_w : x n -> tensor elementwise float
torch.special.multigammaln : self p:n -> tensor elementwise float
torch.special.round : self * decimals:n -> tensor elementwise

# ---- Neural network functions ------------------------------------------------------------------------
torch.nn.functional.relu torch.nn.functional.relu_ : input inplace -> tensor elementwise | aten -
torch.relu Tensor.relu torch.relu_ Tensor.relu_ : self -> tensor elementwise
torch.nn.functional.elu torch.nn.functional.elu_ : input alpha:n inplace -> tensor elementwise | aten -
torch.nn.functional.selu torch.nn.functional.selu_ : input inplace -> tensor elementwise | aten -
torch.selu torch.selu_ : self -> tensor elementwise
torch.nn.functional.celu torch.nn.functional.celu_ : input alpha:n inplace -> tensor elementwise | aten -
torch.celu torch.celu_ : self alpha:n -> tensor elementwise
torch.nn.functional.leaky_relu torch.nn.functional.leaky_relu_ : input negative_slope:n inplace -> tensor elementwise | aten -
torch.nn.functional.rrelu torch.nn.functional.rrelu_ : input lower:n upper:n training inplace -> tensor elementwise | aten -
torch.rrelu torch.rrelu_ : self lower:n upper:n training -> tensor elementwise
torch.nn.functional.threshold torch.nn.functional.threshold_ : input threshold:n value:n inplace -> tensor elementwise | aten -
torch.threshold torch.threshold_ : self threshold:n value:n -> tensor elementwise
torch.nn.functional.hardtanh torch.nn.functional.hardtanh_ : input min_val:n max_val:n inplace -> tensor elementwise | aten -
torch.nn.functional.relu6 : input inplace -> tensor elementwise
torch.nn.functional.gelu : self * approximate -> tensor elementwise
torch.nn.functional.silu : input inplace -> tensor elementwise
torch.nn.functional.mish : input inplace -> tensor elementwise
torch.nn.functional.hardswish : input inplace -> tensor elementwise
torch.nn.functional.hardsigmoid : input inplace -> tensor elementwise
torch.nn.functional.softplus : self beta:n threshold:n -> tensor elementwise
torch.nn.functional.softsign : input -> tensor elementwise float | aten -
torch.nn.functional.softshrink : self lambd:n -> tensor elementwise
torch.nn.functional.tanhshrink : input -> tensor elementwise float | aten -
torch.nn.functional.logsigmoid : input -> tensor elementwise float | aten log_sigmoid
torch.nn.functional.hardshrink torch.hardshrink Tensor.hardshrink : self lambd:n -> tensor elementwise
torch.nn.functional.prelu torch.prelu Tensor.prelu : self weight -> tensor elementwise
torch.nn.functional.glu : input dim:n -> tensor
torch.nn.functional.softmax : input dim:n _stacklevel dtype -> tensor elementwise float | aten -
torch.softmax Tensor.softmax torch.special.softmax : self dim:n dtype -> tensor elementwise float | aten _softmax
torch.nn.functional.log_softmax : input dim:n _stacklevel dtype -> tensor elementwise float | aten -
torch.log_softmax Tensor.log_softmax torch.special.log_softmax : self dim:n dtype -> tensor elementwise float | aten _log_softmax
torch.nn.functional.softmin : input dim:n _stacklevel dtype -> tensor elementwise float | aten -
torch.nn.functional.gumbel_softmax : logits tau:n hard eps:n dim:n -> tensor elementwise float | aten -
torch.nn.functional.dropout torch.nn.functional.dropout1d torch.nn.functional.dropout2d torch.nn.functional.dropout3d torch.nn.functional.alpha_dropout torch.nn.functional.feature_alpha_dropout : input p:n training inplace -> tensor elementwise | aten -
torch.dropout torch.dropout_ torch.alpha_dropout torch.alpha_dropout_ torch.feature_dropout torch.feature_dropout_ torch.feature_alpha_dropout torch.feature_alpha_dropout_ : input p:n train -> tensor elementwise | aten -
torch.nn.functional.linear : input weight bias -> tensor | aten -
torch.nn.functional.bilinear : input1 input2 weight bias -> tensor | aten -
torch.nn.functional.embedding : input weight padding_idx:n max_norm:n norm_type:n scale_grad_by_freq sparse -> tensor float | aten embedding
torch.embedding : weight indices padding_idx:n scale_grad_by_freq sparse -> tensor float
torch.embedding_renorm_ : self indices max_norm:n norm_type:n -> self
    host-sync before 2.0 -- src
torch.nn.functional.embedding_bag : input weight offsets max_norm:n norm_type:n scale_grad_by_freq mode sparse per_sample_weights include_last_offset padding_idx:n -> tensor float | aten -
torch.nn.functional.conv1d torch.conv1d : input weight bias stride:n padding dilation:n groups:n -> tensor | aten -
torch.nn.functional.conv2d torch.conv2d : input weight bias stride:n padding dilation:n groups:n -> tensor | aten -
torch.nn.functional.conv3d torch.conv3d : input weight bias stride:n padding dilation:n groups:n -> tensor | aten -
torch.nn.functional.conv_transpose1d torch.conv_transpose1d : input weight bias stride:n padding:n output_padding:n groups:n dilation:n -> tensor | aten -
torch.nn.functional.conv_transpose2d torch.conv_transpose2d : input weight bias stride:n padding:n output_padding:n groups:n dilation:n -> tensor | aten -
torch.nn.functional.conv_transpose3d torch.conv_transpose3d : input weight bias stride:n padding:n output_padding:n groups:n dilation:n -> tensor | aten -
torch.nn.functional.fold : input output_size kernel_size dilation:n padding:n stride:n -> tensor | contiguous | aten -
torch.nn.functional.unfold : input kernel_size dilation:n padding:n stride:n -> tensor | contiguous | aten -
torch.nn.functional.max_pool1d : input kernel_size:n stride:n padding:n dilation:n ceil_mode return_indices -> tuple(tensor, tensor int) if is_true('return_indices') else tensor | aten -
torch.nn.functional.adaptive_max_pool1d : input output_size:n return_indices -> tuple(tensor, tensor int) if is_true('return_indices') else tensor | aten -
torch.nn.functional.avg_pool1d : input kernel_size:n stride:n padding:n ceil_mode count_include_pad -> tensor | aten -
torch.nn.functional.adaptive_avg_pool1d : input output_size:n -> tensor | aten -
torch.nn.functional.max_unpool1d : input indices kernel_size:n stride:n padding:n output_size:n -> tensor | aten -
torch.nn.functional.max_pool2d : input kernel_size:n stride:n padding:n dilation:n ceil_mode return_indices -> tuple(tensor, tensor int) if is_true('return_indices') else tensor | aten -
torch.nn.functional.adaptive_max_pool2d : input output_size:n return_indices -> tuple(tensor, tensor int) if is_true('return_indices') else tensor | aten -
torch.nn.functional.avg_pool2d : input kernel_size:n stride:n padding:n ceil_mode count_include_pad divisor_override:n -> tensor | aten -
torch.nn.functional.adaptive_avg_pool2d : input output_size:n -> tensor | aten -
torch.nn.functional.max_unpool2d : input indices kernel_size:n stride:n padding:n output_size:n -> tensor | aten -
torch.nn.functional.max_pool3d : input kernel_size:n stride:n padding:n dilation:n ceil_mode return_indices -> tuple(tensor, tensor int) if is_true('return_indices') else tensor | aten -
torch.nn.functional.adaptive_max_pool3d : input output_size:n return_indices -> tuple(tensor, tensor int) if is_true('return_indices') else tensor | aten -
torch.nn.functional.avg_pool3d : input kernel_size:n stride:n padding:n ceil_mode count_include_pad divisor_override:n -> tensor | aten -
torch.nn.functional.adaptive_avg_pool3d : input output_size:n -> tensor | aten -
torch.nn.functional.max_unpool3d : input indices kernel_size:n stride:n padding:n output_size:n -> tensor | aten -
torch.nn.functional.lp_pool1d torch.nn.functional.lp_pool2d torch.nn.functional.lp_pool3d : input norm_type:n kernel_size:n stride:n ceil_mode -> tensor | aten -
torch.nn.functional.batch_norm : input running_mean running_var weight bias training momentum:n eps:n -> tensor elementwise | aten -
torch.nn.functional.instance_norm : input running_mean running_var weight bias use_input_stats momentum:n eps:n -> tensor elementwise | aten -
torch.nn.functional.layer_norm : input normalized_shape weight bias eps:n -> tensor elementwise | aten -
torch.nn.functional.group_norm : input num_groups:n weight bias eps:n -> tensor elementwise | aten -
torch.nn.functional.rms_norm : input normalized_shape weight eps:n -> tensor elementwise | aten -
torch.nn.functional.local_response_norm : input size:n alpha:n beta:n k:n -> tensor elementwise | aten -
torch.nn.functional.normalize : input p:n dim:n eps:n -> tensor elementwise | aten -
torch.layer_norm : input normalized_shape:n weight bias eps:n cudnn_enable -> tensor elementwise | aten -
torch.nn.functional.interpolate : input size:n scale_factor:n mode align_corners recompute_scale_factor antialias -> tensor | aten -
torch.nn.functional.upsample : input size:n scale_factor:n mode align_corners -> tensor | aten -
torch.nn.functional.grid_sample : input grid mode padding_mode align_corners -> tensor | aten -
torch.nn.functional.affine_grid : theta size align_corners -> tensor | aten -
torch.nn.functional.pixel_shuffle : self upscale_factor:n -> tensor | aten -
torch.nn.functional.pixel_unshuffle : self downscale_factor:n -> tensor | aten -
torch.nn.functional.channel_shuffle : self groups:n -> tensor | aten -
torch.nn.functional.scaled_dot_product_attention : query key value attn_mask dropout_p:n is_causal * scale:n enable_gqa -> tensor | aten -
torch.nn.functional.multi_head_attention_forward : query key value embed_dim_to_check:n num_heads:n in_proj_weight in_proj_bias bias_k bias_v add_zero_attn dropout_p:n out_proj_weight out_proj_bias training key_padding_mask need_weights attn_mask use_separate_proj_weight q_proj_weight k_proj_weight v_proj_weight static_k static_v average_attn_weights is_causal -> tuple(tensor, tensor) | aten -
torch.nn.functional.cosine_similarity : x1 x2 dim:n eps:n -> tensor float | aten -
torch.nn.functional.pairwise_distance : x1 x2 p:n eps:n keepdim -> tensor float | aten -
torch.nn.functional.pdist : self p:n -> tensor float | aten -
torch.cosine_similarity : x1 x2 dim:n eps:n -> tensor float | aten -
torch.pairwise_distance : x1 x2 p:n eps:n keepdim -> tensor float | aten -
torch.pdist : self p:n -> tensor float | aten -

# ---- Losses ------------------------------------------------------------------------------------------
torch.nn.functional.cross_entropy : input target weight size_average ignore_index:n reduce reduction label_smoothing:n -> tensor float if equals('reduction', 'none') or is_false('reduce') else tensor 0d float | aten -
torch.nn.functional.nll_loss : input target weight size_average ignore_index:n reduce reduction -> tensor float if equals('reduction', 'none') or is_false('reduce') else tensor 0d float | aten -
torch.nn.functional.mse_loss : input target size_average reduce reduction weight -> tensor float if equals('reduction', 'none') or is_false('reduce') else tensor 0d float | aten -
torch.nn.functional.l1_loss : input target size_average reduce reduction weight -> tensor if equals('reduction', 'none') or is_false('reduce') else tensor 0d float | aten -
torch.nn.functional.smooth_l1_loss : input target size_average reduce reduction beta:n -> tensor float if equals('reduction', 'none') or is_false('reduce') else tensor 0d float | aten -
torch.nn.functional.huber_loss : input target reduction delta:n weight -> tensor float if equals('reduction', 'none') else tensor 0d float | aten -
torch.nn.functional.binary_cross_entropy : input target weight size_average reduce reduction -> tensor float if equals('reduction', 'none') or is_false('reduce') else tensor 0d float | aten -
torch.nn.functional.binary_cross_entropy_with_logits : input target weight size_average reduce reduction pos_weight -> tensor float if equals('reduction', 'none') or is_false('reduce') else tensor 0d float | aten -
torch.nn.functional.kl_div : input target size_average reduce reduction log_target -> tensor float if equals('reduction', 'none') or is_false('reduce') else tensor 0d float | aten -
torch.nn.functional.soft_margin_loss : input target size_average reduce reduction -> tensor float if equals('reduction', 'none') or is_false('reduce') else tensor 0d float | aten -
torch.nn.functional.hinge_embedding_loss : input target margin:n size_average reduce reduction -> tensor float if equals('reduction', 'none') or is_false('reduce') else tensor 0d float | aten -
torch.nn.functional.margin_ranking_loss : input1 input2 target margin:n size_average reduce reduction -> tensor float if equals('reduction', 'none') or is_false('reduce') else tensor 0d float | aten -
torch.nn.functional.cosine_embedding_loss : input1 input2 target margin:n size_average reduce reduction -> tensor float if equals('reduction', 'none') or is_false('reduce') else tensor 0d float | aten -
torch.nn.functional.triplet_margin_loss : anchor positive negative margin:n p:n eps:n swap size_average reduce reduction -> tensor float if equals('reduction', 'none') or is_false('reduce') else tensor 0d float | aten -
torch.nn.functional.triplet_margin_with_distance_loss : anchor positive negative * distance_function margin:n swap reduction -> tensor float if equals('reduction', 'none') else tensor 0d float | aten -
torch.nn.functional.multi_margin_loss : input target p:n margin:n weight size_average reduce reduction -> tensor float if equals('reduction', 'none') or is_false('reduce') else tensor 0d float | aten -
torch.nn.functional.multilabel_margin_loss : input target size_average reduce reduction -> tensor float if equals('reduction', 'none') or is_false('reduce') else tensor 0d float | aten -
torch.nn.functional.multilabel_soft_margin_loss : input target weight size_average reduce reduction -> tensor float if equals('reduction', 'none') or is_false('reduce') else tensor 0d float | aten -
torch.nn.functional.poisson_nll_loss : input target log_input full size_average eps:n reduce reduction -> tensor float if equals('reduction', 'none') or is_false('reduce') else tensor 0d float | aten -
torch.nn.functional.gaussian_nll_loss : input target var full eps:n reduction -> tensor float if equals('reduction', 'none') else tensor 0d float | aten -
    host-sync -- 2.13
torch.nn.functional.ctc_loss : log_probs targets input_lengths target_lengths blank:n reduction zero_infinity -> tensor float if equals('reduction', 'none') else tensor 0d float | aten -
    host-sync -- known
torch.ctc_loss : log_probs targets input_lengths target_lengths blank:n reduction:n zero_infinity -> tensor float | aten -
    host-sync -- known

# ---- Facts of a tensor, which the host knows ---------------------------------------------------------
Tensor.shape : self -> size | aten -
Tensor.size Tensor.stride : self dim:n -> int if given('dim') else size | aten -
Tensor.ndim Tensor.itemsize Tensor.nbytes Tensor.output_nr : self -> int | aten -
Tensor.dim Tensor.ndimension Tensor.numel Tensor.nelement Tensor.element_size Tensor.storage_offset Tensor.get_device Tensor.data_ptr Tensor.sparse_dim Tensor.dense_dim : self -> int | aten -
torch.numel : self -> int | aten -
Tensor.dtype : self -> dtype | aten -
Tensor.device : self -> torch-device | aten -
Tensor.layout Tensor.grad_fn : self -> host-object | aten -
Tensor.is_cuda Tensor.is_cpu Tensor.is_mps Tensor.is_xpu Tensor.is_meta Tensor.is_sparse Tensor.is_quantized Tensor.is_leaf Tensor.requires_grad Tensor.retains_grad Tensor.is_nested : self -> bool | aten -
Tensor.is_contiguous : self memory_format -> bool | aten -
Tensor.is_floating_point Tensor.is_complex Tensor.is_signed Tensor.is_inference Tensor.is_shared Tensor.is_conj Tensor.is_neg : self -> bool | aten -
Tensor.is_coalesced : self -> bool | aten -
torch.is_floating_point torch.is_complex torch.is_signed torch.is_inference torch.is_conj : self -> bool | aten -
torch.is_tensor torch.is_storage : obj -> bool | aten -
torch.can_cast : from_ to -> bool | aten -
Tensor.is_same_size : self other -> bool | aten -
Tensor.is_set_to : self tensor -> bool | aten -
Tensor.T Tensor.mT Tensor.H Tensor.mH : self -> view | strided | aten -
Tensor.real torch.real : self -> view float if complex_dtype('self') else view | aten -
Tensor.imag torch.imag : self -> view float | aten -
Tensor.data : self -> same | aten -
Tensor.grad : self -> same | aten -
Tensor.untyped_storage Tensor.storage : self -> host-object | aten -
Tensor.register_hook Tensor.register_post_accumulate_grad_hook : self hook -> host-object | aten -
Tensor.record_stream : self s -> none | aten -
Tensor.share_memory_ : self -> self | aten -
Tensor.to_sparse : self sparse_dim:n * layout blocksize:n dense_dim:n -> tensor | aten _to_sparse
    host-sync -- 2.13
Tensor.to_sparse_coo : self -> tensor | aten -
    host-sync -- 2.13
Tensor.to_sparse_csr Tensor.to_sparse_csc : self dense_dim:n -> tensor | aten -
    host-sync -- 2.13
Tensor.to_sparse_bsr Tensor.to_sparse_bsc : self blocksize:n dense_dim:n -> tensor | aten -
    host-sync -- 2.13
Tensor.to_dense : self dtype * masked_grad -> tensor | aten _to_dense
Tensor.coalesce Tensor.values : self -> tensor | aten -
Tensor.indices : self -> tensor int | aten -
Tensor.sparse_mask : self mask -> tensor
Tensor.apply_ : self callable -> self | aten -
Tensor.map_ : self tensor callable -> self | aten -
torch.result_type : tensor other -> host-object | aten -
torch.promote_types : type1 type2 -> host-object | aten -
torch.get_default_dtype :  -> host-object | aten -
torch.finfo torch.iinfo : type -> host-object | aten -

# ---- Waiting on purpose ------------------------------------------------------------------------------
torch.cuda.synchronize torch.accelerator.synchronize torch.mps.synchronize torch.xpu.synchronize torch.mtia.synchronize : device -> none
    host-sync if always() -- src
torch.cuda.Event torch.Event torch.xpu.Event torch.mps.Event : enable_timing blocking interprocess -> event | aten -
torch.cuda.Event.synchronize torch.Event.synchronize torch.xpu.Event.synchronize torch.mps.Event.synchronize : self -> none
    host-sync if always() -- src
torch.cuda.Event.elapsed_time torch.Event.elapsed_time torch.xpu.Event.elapsed_time torch.mps.Event.elapsed_time : self end_event -> number
torch.cuda.Event.query torch.Event.query torch.xpu.Event.query torch.mps.Event.query : self -> bool
torch.cuda.Event.record torch.cuda.Event.wait torch.Event.record torch.Event.wait torch.xpu.Event.record torch.xpu.Event.wait torch.mps.Event.record torch.mps.Event.wait : self stream -> none
torch.cuda.Stream torch.cuda.ExternalStream torch.Stream torch.xpu.Stream : device priority -> stream | aten -
torch.cuda.current_stream torch.cuda.default_stream torch.accelerator.current_stream torch.xpu.current_stream : device -> stream
torch.cuda.Stream.synchronize torch.Stream.synchronize torch.xpu.Stream.synchronize : self -> none
    host-sync if always() -- src
torch.cuda.Stream.wait_stream torch.cuda.Stream.wait_event torch.Stream.wait_stream torch.Stream.wait_event torch.xpu.Stream.wait_stream torch.xpu.Stream.wait_event : self other -> none
torch.cuda.Stream.query torch.Stream.query torch.xpu.Stream.query : self -> bool
torch.cuda.Stream.record_event torch.Stream.record_event torch.xpu.Stream.record_event : self event -> event
torch.cuda.stream torch.cuda.StreamContext torch.cuda.device torch.cuda.device_of : stream -> context
torch.cuda.empty_cache torch.accelerator.empty_cache torch.mps.empty_cache torch.xpu.empty_cache : device -> none
    host-sync device-memory if always() -- known
torch.cuda.ipc_collect :  -> none
torch.cuda.is_available torch.accelerator.is_available torch.mps.is_available torch.xpu.is_available torch.cuda.is_bf16_supported torch.cuda.is_initialized torch.cuda.is_current_stream_capturing torch.backends.mps.is_available :  -> bool
torch.cuda.device_count torch.cuda.current_device torch.accelerator.device_count torch.xpu.device_count torch.mps.device_count :  -> int
torch.cuda.memory_allocated torch.cuda.max_memory_allocated torch.cuda.memory_reserved torch.cuda.max_memory_reserved torch.cuda.memory_cached torch.cuda.max_memory_cached torch.accelerator.memory_allocated torch.accelerator.max_memory_allocated : device -> int
torch.cuda.mem_get_info : device -> list(int)
torch.cuda.set_device torch.cuda.manual_seed torch.cuda.manual_seed_all torch.cuda.reset_peak_memory_stats torch.cuda.init torch.cuda.set_stream torch.cuda.set_sync_debug_mode torch.accelerator.set_device_index : value -> none
torch.cuda.get_device_name torch.cuda.memory_summary : device -> str
torch.cuda.get_device_properties torch.cuda.get_device_capability torch.cuda.memory_stats torch.cuda.memory_snapshot : device -> host-object
torch.cuda.utilization torch.cuda.temperature torch.cuda.power_draw torch.cuda.clock_rate : device -> int
torch.cuda.nvtx.range_push torch.cuda.nvtx.range_pop torch.cuda.nvtx.mark torch.cuda.nvtx.range torch.cuda.profiler.start torch.cuda.profiler.stop : msg -> context
torch.cuda.CUDAGraph torch.cuda.graph torch.cuda.graphs.graph torch.cuda.make_graphed_callables : cuda_graph -> unknown
torch.device : type index -> torch-device | aten -
torch.Generator : device -> generator | aten -

# ---- Modules -----------------------------------------------------------------------------------------
Module.to Module.cuda Module.xpu : self device dtype non_blocking -> same
    host-sync if to_device() and not is_true('non_blocking') -- src, 2.13
    h2d-copy if to_device() -- src, 2.13
Module.cpu : self -> same
    host-sync d2h-copy -- src, 2.13
Module.to_empty Module.half Module.float Module.double Module.bfloat16 Module.type Module.train Module.eval Module.requires_grad_ Module.share_memory : self mode -> same
Module.apply : self fn -> same
Module.zero_grad : self set_to_none -> none
    kernel-launch if is_false('set_to_none') since 2.0 -- src
    kernel-launch if not is_true('set_to_none') before 2.0 -- src
Module.state_dict : self -> unknown
Module.load_state_dict : self state_dict strict assign -> host-object
    host-sync h2d-copy if to_device() -- known
Module.parameters Module.buffers : self recurse -> list(tensor)
Module.named_parameters Module.named_buffers : self prefix recurse -> list(unknown)
Module.modules Module.children : self -> list(module)
Module.register_buffer Module.register_parameter Module.add_module Module.register_module : self name value persistent -> none
Module.compile : self -> none
torch.nn.* :  -> module
torch.nn.parallel.DataParallel torch.nn.parallel.DistributedDataParallel torch.nn.DataParallel : module -> module
torch.nn.utils.weight_norm torch.nn.utils.spectral_norm torch.nn.utils.remove_weight_norm torch.nn.utils.parametrizations.weight_norm torch.nn.utils.parametrizations.spectral_norm : module -> module
torch.compile : model * fullgraph dynamic backend mode options disable -> same | aten -
torch.jit.script : obj optimize -> unknown
torch.jit.trace : func example_inputs -> unknown
torch.nn.utils.clip_grad_norm_ torch.nn.utils.clip_grad_norm : parameters max_norm norm_type error_if_nonfinite foreach -> tensor 0d float
    host-sync if is_true('error_if_nonfinite') -- 2.13
torch.nn.utils.get_total_norm : tensors norm_type error_if_nonfinite foreach -> tensor 0d float
    host-sync if is_true('error_if_nonfinite') -- 2.13
torch.nn.utils.clip_grads_with_norm_ : parameters max_norm total_norm foreach -> none
torch.nn.utils.clip_grad_value_ : parameters clip_value:n foreach -> none
torch.nn.utils.parameters_to_vector : parameters -> tensor 1d | contiguous
torch.nn.utils.vector_to_parameters : vec parameters -> none
torch.nn.utils.rnn.pad_sequence : sequences batch_first padding_value:n padding_side -> tensor | contiguous | aten pad_sequence
torch.nn.utils.rnn.unpad_sequence : padded_sequences lengths batch_first -> list(tensor)
    host-sync if device('lengths') -- 2.13
torch.nn.utils.rnn.pack_padded_sequence : input lengths batch_first enforce_sorted -> unknown | aten _pack_padded_sequence
    host-sync h2d-copy if is_false('enforce_sorted') -- 2.13
torch.nn.utils.rnn.pack_sequence : sequences enforce_sorted -> unknown
    host-sync h2d-copy if is_false('enforce_sorted') -- 2.13
torch.nn.utils.rnn.pad_packed_sequence : sequence batch_first padding_value:n total_length -> tuple(tensor, host) | aten _pad_packed_sequence
    host-sync d2h-copy if device('sequence') -- 2.13
torch.nn.init.* : tensor -> self
torch.utils.checkpoint.checkpoint torch.utils.checkpoint.checkpoint_sequential : function -> unknown

# ---- Optimizers and scaling --------------------------------------------------------------------------
torch.optim.* : params lr -> optimizer
torch.optim.lr_scheduler.* : optimizer -> scheduler
torch.optim.swa_utils.AveragedModel : model -> module
Optimizer.step : self closure -> unknown
torch.optim.LBFGS.step : self closure -> unknown
    host-sync if always() -- src
Optimizer.zero_grad : self set_to_none -> none
    kernel-launch if is_false('set_to_none') since 2.0 -- src
    kernel-launch if not is_true('set_to_none') before 2.0 -- src
Scheduler.step : self epoch metrics -> none
Scheduler.get_last_lr : self -> list
Optimizer.state_dict : self -> unknown
Optimizer.load_state_dict Optimizer.add_param_group : self state_dict -> none
torch.amp.GradScaler torch.cuda.amp.GradScaler : device init_scale:n enabled -> host-object
torch.amp.GradScaler.scale torch.cuda.amp.GradScaler.scale : self outputs -> tensor elementwise
torch.amp.GradScaler.step torch.cuda.amp.GradScaler.step : self optimizer -> unknown
    host-sync if always() -- 2.13
torch.amp.GradScaler.unscale_ torch.cuda.amp.GradScaler.unscale_ torch.amp.GradScaler.update torch.cuda.amp.GradScaler.update : self value -> none
torch.amp.GradScaler.get_scale torch.cuda.amp.GradScaler.get_scale : self -> number
    host-sync if always() -- 2.13
torch.amp.GradScaler.state_dict torch.cuda.amp.GradScaler.state_dict : self -> unknown
    host-sync if always() -- 2.13
torch.amp.GradScaler.is_enabled torch.cuda.amp.GradScaler.is_enabled : self -> bool
torch.amp.autocast torch.autocast torch.cuda.amp.autocast torch.no_grad torch.enable_grad torch.inference_mode torch.set_grad_enabled torch.autograd.set_detect_anomaly torch.autograd.profiler.record_function torch.profiler.record_function : *args -> context | aten -
torch.autograd.grad : outputs inputs grad_outputs -> list(tensor)
torch.autograd.backward : tensors grad_tensors -> none

# ---- Distributions -----------------------------------------------------------------------------------
torch.distributions.* : *params validate_args -> distribution
    host-sync if validates() -- 2.13
torch.distributions.Normal torch.distributions.Laplace torch.distributions.Gumbel torch.distributions.Cauchy torch.distributions.LogNormal : loc scale validate_args -> distribution
    host-sync if validates() -- 2.13
torch.distributions.Categorical torch.distributions.Bernoulli torch.distributions.OneHotCategorical torch.distributions.Geometric : probs logits validate_args -> distribution
    host-sync if validates() -- 2.13
torch.distributions.MultivariateNormal : loc covariance_matrix precision_matrix scale_tril validate_args -> distribution
    host-sync if validates() or device('covariance_matrix') or device('precision_matrix') -- 2.13
torch.distributions.LowRankMultivariateNormal : loc cov_factor cov_diag validate_args -> distribution
    host-sync if validates() or device('cov_factor') -- 2.13
torch.distributions.Independent : base_distribution reinterpreted_batch_ndims:n validate_args -> distribution
torch.distributions.TransformedDistribution : base_distribution transforms validate_args -> distribution
torch.distributions.MixtureSameFamily : mixture_distribution component_distribution validate_args -> distribution
Distribution.log_prob Distribution.cdf : self value -> tensor float
    host-sync if validates() -- 2.13
Distribution.icdf : self value -> tensor float
torch.distributions.Normal.sample torch.distributions.LogNormal.sample torch.distributions.HalfNormal.sample torch.distributions.LogisticNormal.sample : self sample_shape -> tensor float
    host-sync before 2.14 -- 2.13, https://github.com/pytorch/pytorch/pull/186508
torch.distributions.VonMises.sample torch.distributions.Wishart.sample torch.distributions.Wishart.rsample : self sample_shape -> tensor float
    host-sync -- 2.13
torch.distributions.Binomial.entropy torch.distributions.Multinomial.entropy : self -> tensor float
    host-sync -- 2.13
Distribution.sample Distribution.rsample : self sample_shape -> tensor
Distribution.sample_n : self n:n -> tensor
Distribution.entropy Distribution.perplexity : self -> tensor float
Distribution.mean Distribution.mode Distribution.variance Distribution.stddev : self -> tensor float
Distribution.probs Distribution.logits Distribution.loc Distribution.scale Distribution.rate Distribution.concentration Distribution.covariance_matrix Distribution.scale_tril Distribution.precision_matrix : self -> tensor float
Distribution.batch_shape Distribution.event_shape : self -> size
Distribution.expand : self batch_shape -> distribution
Distribution.enumerate_support : self expand -> tensor
torch.distributions.kl_divergence torch.distributions.kl.kl_divergence : p q -> tensor float

# ---- Several processes -------------------------------------------------------------------------------
torch.distributed.all_reduce torch.distributed.reduce torch.distributed.broadcast torch.distributed.all_gather torch.distributed.all_gather_into_tensor torch.distributed.reduce_scatter torch.distributed.reduce_scatter_tensor torch.distributed.all_to_all torch.distributed.all_to_all_single torch.distributed.gather torch.distributed.scatter : tensor op group async_op -> unknown
    collective-wait if not is_true('async_op') -- known
torch.distributed.send torch.distributed.recv : tensor dst group tag -> unknown
    collective-wait -- known
torch.distributed.isend torch.distributed.irecv : tensor dst group tag -> host-object
torch.distributed.barrier : group async_op device_ids -> none
    host-sync collective-wait if always() -- known
torch.distributed.monitored_barrier : group timeout wait_all_ranks -> none
    host-sync collective-wait if always() -- known
torch.distributed.all_gather_object torch.distributed.gather_object torch.distributed.broadcast_object_list torch.distributed.scatter_object_list torch.distributed.send_object_list torch.distributed.recv_object_list : object_list obj group -> none
    host-sync collective-wait h2d-copy d2h-copy if always() -- src
torch.distributed.get_rank torch.distributed.get_world_size : group -> int
torch.distributed.is_initialized torch.distributed.is_available torch.distributed.is_nccl_available torch.distributed.is_torchelastic_launched :  -> bool
torch.distributed.init_process_group torch.distributed.destroy_process_group : backend -> none
torch.distributed.new_group : ranks -> host-object

# ---- Files and loaders -------------------------------------------------------------------------------
torch.save : obj f -> none | aten -
    host-sync d2h-copy -- 2.13
    host-sync d2h-copy if contains_device('obj') -- 2.13
torch.load : f map_location pickle_module * weights_only mmap -> unknown | aten -
    host-sync h2d-copy if to_device() and not equals('map_location', 'cpu') -- 2.13
torch.utils.data.DataLoader : dataset batch_size shuffle sampler batch_sampler num_workers collate_fn pin_memory drop_last timeout worker_init_fn multiprocessing_context generator * prefetch_factor persistent_workers pin_memory_device in_order -> loader
torch.utils.data.default_collate : batch -> unknown
torch.from_dlpack torch.utils.dlpack.from_dlpack : ext_tensor * device copy -> tensor | aten -
torch.utils.dlpack.to_dlpack : tensor -> host-object
torch.set_printoptions : precision threshold edgeitems linewidth profile sci_mode -> none | aten -
torch.set_default_dtype : d -> none | aten -
torch.set_default_device : device -> none | aten -
torch.set_num_threads torch.set_num_interop_threads : int -> none | aten -
torch.set_float32_matmul_precision : precision -> none | aten -
torch.use_deterministic_algorithms : mode * warn_only -> none | aten -

# ---- Python ------------------------------------------------------------------------------------------
builtins.float builtins.complex : x imag -> number
    host-sync -- src, 2.13
builtins.int : x base -> int
    host-sync -- src, 2.13
builtins.bool : x -> bool
    host-sync -- src, 2.13
builtins.print : *values sep end file flush -> none
    host-sync -- 2.13
builtins.str builtins.repr builtins.ascii : object -> str
    host-sync -- 2.13
builtins.format : value format_spec -> str
    host-sync -- 2.13
builtins.any builtins.all : iterable -> bool
    host-sync -- 2.13
    host-sync if contains_device('iterable') -- 2.13
builtins.max builtins.min : *args key default -> unknown
    host-sync -- 2.13
    host-sync if contains_device('args') -- 2.13
builtins.sorted : iterable * key reverse -> list
    host-sync -- 2.13
    host-sync if contains_device('iterable') -- 2.13
builtins.sum : iterable start -> tensor if tensor('iterable') else unknown
    kernel-launch -- 2.13
builtins.range : start:n stop:n step:n -> list(int)
builtins.round : number ndigits:n -> number
builtins.abs : x -> tensor elementwise if tensor('x') else number
builtins.pow : base exp mod -> tensor elementwise if tensor('base') or tensor('exp') else number
builtins.divmod : x y -> unknown
builtins.len builtins.hash builtins.id : obj -> int
builtins.list builtins.tuple : iterable -> list(tensor) if tensor('iterable') else unknown
builtins.set builtins.frozenset : iterable -> unknown
builtins.isinstance builtins.issubclass builtins.callable builtins.hasattr : obj classinfo -> bool
builtins.iter builtins.reversed : iterable -> list(tensor) if tensor('iterable') else unknown
builtins.chr builtins.hex builtins.bin builtins.oct : i:n -> str
builtins.ord : c -> int
math.* : x y -> number
    host-sync -- 2.13
math.isnan math.isinf math.isfinite : x -> bool
    host-sync -- 2.13
math.isclose : a b -> bool
    host-sync -- 2.13
math.floor math.ceil : x -> int
    host-sync -- 2.13
statistics.* : data -> number
    host-sync -- 2.13
operator.index : a -> int
    host-sync -- 2.13
copy.copy copy.deepcopy : x memo -> same
pickle.dumps pickle.dump : obj file -> unknown
    host-sync d2h-copy -- 2.13
time.time time.perf_counter time.monotonic time.process_time :  -> number
logging.debug : msg *args -> none
logging.info logging.warning logging.error logging.critical : msg *args -> none
    host-sync -- known
logging.Logger.debug logging.Logger.log : self msg *args -> none
logging.Logger.info logging.Logger.warning logging.Logger.error logging.Logger.critical logging.Logger.exception : self msg *args -> none
    host-sync -- known
warnings.warn : message -> none
    host-sync -- known

# ---- NumPy and friends: a device tensor must come to the host first, else they raise TypeError -----------
numpy.* : *args -> array
numpy.linalg.* numpy.random.* numpy.fft.* numpy.ma.* : *args -> array
numpy.ndim numpy.size : a -> int
numpy.shape : a -> size
numpy.allclose numpy.array_equal numpy.isscalar : a b -> bool
numpy.save numpy.savez numpy.savetxt : *args -> none
numpy.float32 numpy.float64 numpy.int64 numpy.int32 : x -> array

# ---- Loggers of others -------------------------------------------------------------------------------
torch.utils.tensorboard.SummaryWriter tensorboardX.SummaryWriter : log_dir -> host-object
torch.utils.tensorboard.SummaryWriter.add_scalar torch.utils.tensorboard.SummaryWriter.add_histogram torch.utils.tensorboard.SummaryWriter.add_image torch.utils.tensorboard.SummaryWriter.add_images torch.utils.tensorboard.SummaryWriter.add_embedding tensorboardX.SummaryWriter.add_scalar tensorboardX.SummaryWriter.add_histogram tensorboardX.SummaryWriter.add_image : self tag value global_step -> none
    host-sync d2h-copy -- https://github.com/pytorch/pytorch/blob/v2.13.0/torch/utils/tensorboard/_convert_np.py
torch.utils.tensorboard.SummaryWriter.add_scalars tensorboardX.SummaryWriter.add_scalars : self main_tag tag_scalar_dict global_step -> none
    host-sync d2h-copy if contains_device('tag_scalar_dict') -- https://github.com/pytorch/pytorch/blob/v2.13.0/torch/utils/tensorboard/_convert_np.py
wandb.log wandb.Run.log : data step -> none
    host-sync d2h-copy if contains_device('data') -- known
mlflow.log_metric : key value step -> none
    host-sync -- known
mlflow.log_metrics : metrics step -> none
    host-sync if contains_device('metrics') -- known
tqdm.tqdm.set_postfix tqdm.auto.tqdm.set_postfix : self ordered_dict *kwargs -> none
    host-sync -- known
    host-sync if contains_device('ordered_dict') -- known
tqdm.tqdm tqdm.auto.tqdm tqdm.trange tqdm.auto.trange : iterable -> unknown

# ---- What only the dispatcher shows ------------------------------------------------------------------
aten._local_scalar_dense : self -> number
    host-sync -- src, 2.13
aten._to_copy : self * dtype device non_blocking memory_format -> to
    host-sync if to_device() and not is_true('non_blocking') -- src, 2.13
    h2d-copy if to_device() -- src, 2.13
    pageable-copy if to_device() and unpinned('self') -- src
    host-sync if to_host() and not is_true('non_blocking') -- src, 2.13
    d2h-copy if to_host() -- src, 2.13
aten.copy_ aten._foreach_copy_ : self src non_blocking -> self
    host-sync if to_device() and not is_true('non_blocking') -- src, 2.13
    h2d-copy if to_device() -- src, 2.13
    pageable-copy if to_device() and unpinned('src') -- src
    host-sync if to_host() and not is_true('non_blocking') -- src, 2.13
    d2h-copy if to_host() -- src, 2.13
aten.clone : self * memory_format -> same
    hidden-copy if given('memory_format') and changes_layout() -- 2.13
aten.repeat_interleave : repeats * output_size -> tensor int
    host-sync if missing('output_size') -- src, 2.13, issue 108968
aten.index aten._unsafe_index : self indices -> tensor
    host-sync if has_mask('indices') -- src, 2.13
    host-sync h2d-copy pageable-copy if has_host_index('indices') -- src
    h2d-copy if host('indices') and bool_dtype('indices') -- src
    host-sync if host('indices') and bool_dtype('indices') before 2.9 -- https://github.com/pytorch/pytorch/pull/156384
aten.index_put aten.index_put_ aten._index_put_impl_ aten._unsafe_index_put : self indices values accumulate unsafe -> tensor elementwise
    host-sync if has_masks('indices') or has_mask('indices') and (device('values') or is_true('accumulate')) -- src, 2.13
    host-sync h2d-copy pageable-copy if has_host_index('indices') -- src
    h2d-copy if host('indices') and bool_dtype('indices') -- src
    host-sync if host('indices') and bool_dtype('indices') before 2.9 -- https://github.com/pytorch/pytorch/pull/156384
    host-sync h2d-copy if host('values') and not has_mask('indices') before 2.15 -- https://github.com/pytorch/pytorch/pull/188330
aten._linalg_check_errors : info api_name * is_matrix -> none
    host-sync -- 2.13
aten._ctc_loss : log_probs targets input_lengths target_lengths blank zero_infinity -> tuple(tensor, tensor)
    host-sync -- known
aten.linspace aten.logspace : start end steps * dtype device -> factory
    host-sync if device('start') or device('end') -- 2.13
"""
