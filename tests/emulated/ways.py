"""Ways of using torch, each a function of the device that gives what is to be the same on all of them."""

import copy
import io
from typing import Any

import numpy
import torch
from torch import nn


def func_grad(device: str) -> Any:
    from torch.func import functional_call, grad, jacrev, vmap

    m = nn.Linear(3, 3).to(device)
    p = {k: v.detach() for k, v in m.named_parameters()}
    x = torch.randn(4, 3).to(device)

    def loss(p: Any, x: Any) -> Any:
        return functional_call(m, p, (x,)).pow(2).sum()

    g = grad(loss)(p, x)
    v = vmap(grad(loss), in_dims=(None, 0))(p, x)
    return [g["weight"], v["bias"], jacrev(lambda y: y.sin())(x[0])]


def forward_mode(device: str) -> Any:
    from torch.func import hessian, jacfwd, jvp

    x = torch.randn(3).to(device)
    return [jacfwd(torch.sin)(x), hessian(lambda y: (y**3).sum())(x), *jvp(torch.cos, (x,), (x,))]


def inference_mode(device: str) -> Any:
    words = torch.arange(6).to(device).reshape(2, 3)
    weight = torch.randn(6, 4).to(device).requires_grad_()
    with torch.inference_mode():
        found = nn.functional.embedding(words[:1], weight)
        doubled = weight * 2
        halves = weight.detach().chunk(2)  # of a normal tensor: normal ones
    assert doubled[1:].is_inference() and not halves[0].is_inference()
    (halves[0] * weight[:3]).sum().backward()
    return [found, (weight @ doubled.clone().t()).sum(), weight.grad]


def double_backward(device: str) -> Any:
    x = torch.randn(3, 3).to(device).requires_grad_()
    y = (x**3).sum()
    (g,) = torch.autograd.grad(y, x, create_graph=True)
    g.pow(2).sum().backward()
    return x.grad


def gradient_penalty(device: str) -> Any:
    D = nn.Sequential(nn.Conv2d(1, 4, 3), nn.LeakyReLU(), nn.Flatten(), nn.Linear(4 * 36, 1)).to(device)
    x = torch.randn(2, 1, 8, 8).to(device).requires_grad_()
    (g,) = torch.autograd.grad(D(x).sum(), x, create_graph=True)
    ((g.flatten(1).norm(2, 1) - 1) ** 2).mean().backward()
    return [p.grad for p in D.parameters()]


def checkpoint(device: str) -> Any:
    from torch.utils.checkpoint import checkpoint as c

    m = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5), nn.ReLU()).to(device)
    x = torch.randn(2, 4).to(device).requires_grad_()
    out = []
    for r in (True, False):
        y = c(m, x, use_reentrant=r)
        y.sum().backward()
        out.append(x.grad.clone())
    return out


def jit(device: str) -> Any:
    m = nn.Sequential(nn.Linear(4, 4), nn.ReLU()).to(device)
    x = torch.randn(2, 4).to(device)
    s = torch.jit.script(m)(x)
    t = torch.jit.trace(m, x)(x)
    return [s, t]


def jit_again(device: str) -> Any:
    """Kernels are compiled after some runs."""

    @torch.jit.script
    def mixed(x, y):  # type: ignore[no-untyped-def]
        return torch.tanh(x * y + 1).sigmoid() * x.relu() - y.exp()

    x = torch.randn(4).to(device).requires_grad_()
    for _ in range(4):
        y = mixed(x, x * 2)
        y.sum().backward()
    return [y, x.grad]


def lbfgs(device: str) -> Any:
    m = nn.Linear(3, 1).to(device)
    o = torch.optim.LBFGS(m.parameters(), max_iter=3)
    x = torch.randn(5, 3).to(device)

    def c() -> Any:
        o.zero_grad()
        layer = m(x).pow(2).mean()
        layer.backward()
        return layer

    layer = o.step(c)
    return [layer, m.weight]


def weight_norm(device: str) -> Any:
    m = nn.utils.parametrizations.weight_norm(nn.Linear(3, 3)).to(device)
    s = nn.utils.parametrizations.spectral_norm(nn.Linear(3, 3)).to(device)
    o = nn.utils.weight_norm(nn.Linear(3, 3)).to(device)
    x = torch.randn(2, 3).to(device)
    y = m(x) + s(x) + o(x)
    y.sum().backward()
    return y


def ema(device: str) -> Any:
    from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

    m = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3)).to(device)
    e = AveragedModel(m, multi_avg_fn=get_ema_multi_avg_fn(0.9))
    e2 = AveragedModel(m)
    for _ in range(2):
        e.update_parameters(m)
        e2.update_parameters(m)
    return list(e.parameters()) + list(e2.buffers())


def encoder_eval(device: str) -> Any:
    layer = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2).to(device).eval()
    x = torch.randn(2, 5, 8).to(device)
    mask = torch.zeros(2, 5, dtype=torch.bool, device=device)
    mask[0, 3:] = True
    with torch.no_grad():
        a = layer(x)
    with torch.inference_mode():
        b = layer(x)
    return [a, b]


def transformer(device: str) -> Any:
    m = nn.Transformer(8, 2, 1, 1, 16, batch_first=True).to(device)
    x = torch.randn(2, 5, 8).to(device)
    y = m(x, x, tgt_mask=nn.Transformer.generate_square_subsequent_mask(5, device=device))
    y.sum().backward()
    return y


def mha(device: str) -> Any:
    m = nn.MultiheadAttention(8, 2).to(device)
    x = torch.randn(5, 2, 8).to(device)
    return list(m(x, x, x))


def default_device(device: str) -> Any:
    torch.set_default_device(device)
    try:
        x = torch.ones(3) * torch.arange(3)
        layer = nn.Linear(3, 3)
        return [x, layer(x.float()), layer(torch.tensor([1.0, 2, 3])), layer(torch.as_tensor([1.0, 2, 3]))]
    finally:
        torch.set_default_device(None)


def device_context(device: str) -> Any:
    with torch.device(device):
        layer = nn.LazyLinear(3)
        return layer(torch.ones(2, 4))


def lazy(device: str) -> Any:
    m = nn.Sequential(nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.ReLU()).to(device)
    return m(torch.randn(2, 3, 8, 8).to(device))


def rnn_packed(device: str) -> Any:
    r = nn.GRU(4, 5, 2, batch_first=True, bidirectional=True).to(device)
    x = nn.utils.rnn.pack_padded_sequence(
        torch.randn(3, 6, 4).to(device), torch.tensor([6, 2, 4]), batch_first=True, enforce_sorted=False
    )
    o, h = r(x)
    p, layer = nn.utils.rnn.pad_packed_sequence(o, batch_first=True)
    (p.sum() + h.sum()).backward()
    return [p, layer, h, *[q.grad for q in r.parameters()]]


def cells(device: str) -> Any:
    c = nn.LSTMCell(3, 4).to(device)
    h: Any = None
    for _ in range(3):
        h = c(torch.randn(2, 3).to(device), h)
    g = nn.GRUCell(3, 4).to(device)
    return [*h, g(torch.randn(2, 3).to(device))]


def rnn_relu(device: str) -> Any:
    r = nn.RNN(4, 5, nonlinearity="relu").to(device)
    o, h = r(torch.randn(3, 2, 4).to(device))
    o.sum().backward()
    return [o, h]


def hooks(device: str) -> Any:
    m = nn.Linear(3, 3).to(device)
    seen = []
    m.register_forward_hook(lambda *_: seen.append("f"))
    m.register_full_backward_hook(lambda *_: seen.append("b"))
    m.weight.register_hook(lambda g: g * 2)
    m.bias.register_post_accumulate_grad_hook(lambda p: seen.append("p"))
    x = torch.randn(2, 3).to(device).requires_grad_()
    m(x).sum().backward()
    return [m.weight.grad, seen]


def saved_hooks(device: str) -> Any:
    x = torch.randn(3).to(device).requires_grad_()
    with torch.autograd.graph.saved_tensors_hooks(lambda t: t.cpu(), lambda t: t.to(device)):
        y = (x.sin() * x).sum()
    y.backward()
    with torch.autograd.graph.save_on_cpu(pin_memory=True):
        z = (x.cos() * x).sum()
    z.backward()
    return x.grad


def anomaly(device: str) -> Any:
    with torch.autograd.detect_anomaly():
        x = torch.randn(3).to(device).requires_grad_()
        (x * 2).sum().backward()
        return x.grad


def profiler(device: str) -> Any:
    kinds = torch.profiler.ProfilerActivity
    with torch.profiler.profile(activities=[kinds.CPU, kinds.CUDA]) as p:
        y = torch.randn(3).to(device) + 1
    return [y, "aten::add" in p.key_averages().table(sort_by="cuda_time_total")]


def fft_einsum_linalg(device: str) -> Any:
    x = torch.randn(4, 4).to(device)
    return [
        torch.fft.rfft(x).abs(),
        torch.einsum("ij,kj->ik", x, x),
        torch.linalg.det(x),
        torch.linalg.qr(x)[1],
    ]


def fold_unfold(device: str) -> Any:
    x = torch.randn(1, 2, 6, 6).to(device).requires_grad_()
    y = nn.functional.fold(nn.functional.unfold(x, 3), (6, 6), 3)
    y.sum().backward()
    return [y, x.grad]


def interpolate(device: str) -> Any:
    x = torch.randn(1, 2, 6, 6).to(device).requires_grad_()
    y = [nn.functional.interpolate(x, scale_factor=2, mode=m) for m in ("nearest", "bilinear", "bicubic")]
    sum(a.sum() for a in y).backward()
    return [*y, x.grad]


def embedding_bag(device: str) -> Any:
    e = nn.EmbeddingBag(10, 4, mode="mean").to(device)
    y = e(torch.tensor([1, 2, 3, 4]).to(device), torch.tensor([0, 2]).to(device))
    y.sum().backward()
    return [y, e.weight.grad]


def norms(device: str) -> Any:
    x = torch.randn(2, 4, 5, 5).to(device).requires_grad_()
    y = (
        nn.GroupNorm(2, 4).to(device)(x)
        + nn.InstanceNorm2d(4, affine=True).to(device)(x)
        + nn.BatchNorm2d(4).to(device)(x)
    )
    z = nn.RMSNorm(5).to(device)(x)
    (y.sum() + z.sum() + nn.functional.local_response_norm(x, 2).sum()).backward()
    return [y, z, x.grad]


def losses(device: str) -> Any:
    x = torch.randn(4, 5).to(device)
    t = torch.tensor([0, 1, 2, 3]).to(device)
    return [
        nn.functional.cross_entropy(x, t, label_smoothing=0.1),
        nn.functional.cross_entropy(x, t, weight=torch.rand(5).to(device), ignore_index=1),
        nn.functional.multi_margin_loss(x, t),
        nn.functional.binary_cross_entropy_with_logits(x, torch.rand(4, 5).to(device)),
        nn.functional.huber_loss(x, x * 2),
        nn.functional.triplet_margin_loss(x, x * 2, x * 3),
        nn.functional.kl_div(x.log_softmax(1), x.softmax(1), reduction="batchmean"),
        nn.functional.gaussian_nll_loss(x, x, x.abs()),
        nn.functional.cosine_embedding_loss(x, x, torch.ones(4).to(device)),
    ]


def param_groups_data(device: str) -> Any:
    m = nn.Linear(3, 3)
    m.weight.data = m.weight.data.to(device)
    m.bias.data = m.bias.data.to(device)
    m.weight.data.mul_(2).add_(1)
    m.weight.data.copy_(torch.ones(3, 3))
    return [m.weight, m.bias]


def vector_params(device: str) -> Any:
    m = nn.Linear(3, 3).to(device)
    v = nn.utils.parameters_to_vector(m.parameters())
    nn.utils.vector_to_parameters(v * 2, m.parameters())
    return v


def moved_back(device: str) -> Any:
    m = nn.Linear(3, 3).to(device).cpu().double().to(device).half().to(device).float()
    return m.weight


def to_empty(device: str) -> Any:
    with torch.device("meta"):
        m = nn.Linear(3, 3)
    m = m.to_empty(device=device)
    nn.init.ones_(m.weight)
    nn.init.zeros_(m.bias)
    return m(torch.ones(1, 3).to(device))


def load_assign(device: str) -> Any:
    m = nn.Linear(3, 3).to(device)
    sd = {k: torch.ones_like(v) for k, v in m.state_dict().items()}
    m.load_state_dict(sd, assign=True)
    return m.weight


def load_cpu_dict(device: str) -> Any:
    m = nn.Linear(3, 3).to(device)
    m.load_state_dict(nn.Linear(3, 3).state_dict())
    return m.weight


def bytesio(device: str) -> Any:
    b = io.BytesIO()
    torch.save(nn.Linear(3, 3).to(device), b)
    b.seek(0)
    m = torch.load(b, weights_only=False)
    return m(torch.ones(1, 3).to(device))


def setitem(device: str) -> Any:
    x = torch.zeros(4, 5).to(device)
    x[0] = 1
    x[:, 1] = torch.arange(4.0).to(device)
    x[x > 2] = -1
    x[[0, 2]] = 7.0
    x[1, 2] = 3
    x[..., -1] += 1
    x[torch.tensor([3]), torch.tensor([0])] = 9
    return x


def iteration(device: str) -> Any:
    x = torch.arange(6.0).view(2, 3).to(device)
    return [
        [float(v) for r in x for v in r],
        len(x),
        sum(x[0]).item(),
        max(x[1]).item(),
        sorted(x[0]),
        3 in x,
        list(x.shape),
    ]


def arithmetic(device: str) -> Any:
    x = torch.arange(1, 4).to(device)
    return [
        2**x,
        x / 2,
        x // 2,
        -x,
        ~x,
        x & 1,
        1 - x,
        x @ x,
        x << 1,
        x.float().log(),
        abs(x),
        x % 2,
        divmod(7, int(x[1])),
    ]


def complex_numbers(device: str) -> Any:
    x = torch.view_as_complex(torch.randn(3, 2).to(device))
    return [
        x.conj() * x,
        x.real,
        x.conj().imag,
        x.abs(),
        torch.view_as_real(x.conj().resolve_conj()),
        x.conj() @ x,
        x.mH if x.dim() > 1 else x.angle(),
    ]


def meshgrid_misc(device: str) -> Any:
    x = torch.arange(3.0).to(device)
    a, b = torch.meshgrid(x, x, indexing="ij")
    return [
        a,
        b,
        torch.cartesian_prod(x, x),
        torch.combinations(x),
        torch.histogram(x.cpu(), 3)[0],
        torch.bucketize(x, x),
        torch.searchsorted(x, x),
        torch.cdist(x[:, None], x[:, None]),
        torch.tril_indices(3, 3, device=device),
        torch.block_diag(a, b),
    ]


def stft(device: str) -> Any:
    x = torch.randn(64).to(device)
    s = torch.stft(x, 16, return_complex=True, window=torch.hann_window(16, device=device))
    return [s.abs(), torch.istft(s, 16, window=torch.hann_window(16, device=device))]


def distributions(device: str) -> Any:
    from torch import distributions as D

    n = D.Normal(torch.zeros(3).to(device), torch.ones(3).to(device))
    c = D.Categorical(logits=torch.randn(3).to(device))
    m = D.MultivariateNormal(torch.zeros(2).to(device), torch.eye(2).to(device))
    return [
        n.rsample(),
        n.log_prob(n.sample()),
        c.sample(),
        c.entropy(),
        m.rsample(),
        D.kl_divergence(n, n),
        D.Bernoulli(torch.rand(3).to(device)).sample(),
        D.Beta(torch.rand(2).to(device) + 1, torch.rand(2).to(device) + 1).rsample(),
        D.Dirichlet(torch.rand(3).to(device) + 1).rsample(),
    ]


def random_ops(device: str) -> Any:
    x = torch.empty(4).to(device)
    return [
        torch.randn(3, device=device),
        torch.randint(0, 9, (3,), device=device),
        torch.randperm(5, device=device),
        x.uniform_().clone(),
        x.normal_().clone(),
        torch.bernoulli(torch.rand(4).to(device)),
        torch.multinomial(torch.rand(5).to(device), 3),
        nn.functional.dropout(torch.ones(9).to(device)),
        nn.functional.dropout2d(torch.ones(1, 3, 2, 2).to(device)),
        nn.functional.gumbel_softmax(torch.randn(2, 3).to(device)),
        torch.rand_like(x),
        nn.functional.alpha_dropout(torch.ones(4).to(device), 0.5, True),
        nn.init.trunc_normal_(torch.empty(3).to(device)),
        torch.poisson(torch.ones(3).to(device)),
    ]


def custom_function(device: str) -> Any:

    class E(torch.autograd.Function):  # type: ignore[misc]
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x.exp()

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            (x,) = ctx.saved_tensors
            return g * x.exp()

    x = torch.randn(3).to(device).requires_grad_()
    E.apply(x).sum().backward()
    return x.grad


def custom_op(device: str) -> Any:

    @torch.library.custom_op(f"edge{device}::twice", mutates_args=())
    def twice(x: torch.Tensor) -> torch.Tensor:
        return x * 2

    return twice(torch.randn(3).to(device))


def nested(device: str) -> Any:
    n = torch.nested.nested_tensor(
        [torch.randn(2, 3).to(device), torch.randn(4, 3).to(device)], layout=torch.jagged
    )
    return list((n * 2).unbind())


def prune(device: str) -> Any:
    from torch.nn.utils import prune as P

    m = nn.Linear(4, 4).to(device)
    P.l1_unstructured(m, "weight", 0.5)
    return m(torch.randn(2, 4).to(device))


def conv_variants(device: str) -> Any:
    x = torch.randn(2, 4, 9, 9).to(device).requires_grad_()
    ms = [
        nn.Conv2d(4, 8, 3, padding="same", groups=2),
        nn.ConvTranspose2d(4, 8, 3, 2),
        nn.Conv2d(4, 4, 3, groups=4, padding_mode="reflect", padding=1),
        nn.Conv2d(4, 8, 3, dilation=2),
    ]
    y = [m.to(device)(x) for m in ms]
    sum(a.sum() for a in y).backward()
    return [*y, x.grad]


def channels_last(device: str) -> Any:
    m = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)).to(device, memory_format=torch.channels_last)
    x = torch.randn(2, 3, 6, 6).to(device, memory_format=torch.channels_last)
    y = m(x)
    y.sum().backward()
    return [y, y.is_contiguous(memory_format=torch.channels_last), m[0].weight.grad]


def pooling(device: str) -> Any:
    x = torch.randn(1, 2, 8, 8).to(device).requires_grad_()
    y, i = nn.functional.max_pool2d(x, 2, return_indices=True)
    z = [
        nn.functional.avg_pool2d(x, 2),
        nn.functional.adaptive_avg_pool2d(x, 3),
        nn.functional.adaptive_max_pool2d(x, 2),
        nn.functional.max_unpool2d(y, i, 2),
        nn.functional.lp_pool2d(x, 2, 2),
    ]
    sum(a.sum() for a in z).backward()
    return [*z, x.grad]


def grad_scaler(device: str) -> Any:
    m = nn.Linear(3, 3).to(device)
    o = torch.optim.SGD(m.parameters(), 0.1)
    s = torch.amp.GradScaler(device, enabled=True)
    s.scale(m(torch.ones(1, 3).to(device)).sum()).backward()
    s.unscale_(o)
    s.step(o)
    s.update()
    return [m.weight, s.get_scale()]


def autocast_bf16(device: str) -> Any:
    m = nn.Sequential(nn.Conv1d(2, 3, 3), nn.ReLU()).to(device)
    x = torch.randn(1, 2, 9).to(device)
    with torch.autocast(device, dtype=torch.bfloat16):
        y = m(x)
    return [y.dtype == torch.bfloat16, y.float().sum().abs() >= 0]


def fp16(device: str) -> Any:
    m = (
        nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Linear(48, 2))
        .to(device)
        .half()
    )
    x = torch.randn(2, 2, 6, 6).to(device).half()
    y = m(x)
    y.sum().backward()
    return y.float().round(decimals=2)


def quantized_int8(device: str) -> Any:
    x = torch.randint(-5, 5, (4, 4), dtype=torch.int8).to(device)
    return x.int() @ x.int()


def where_scalars(device: str) -> Any:
    x = torch.randn(3).to(device)
    return [
        torch.where(x > 0, x, 0.0),
        torch.where(x > 0, 1, 0),
        torch.clamp(x, min=torch.tensor(0.0).to(device)),
        torch.maximum(x, torch.tensor(0.0)),
    ]


def tensor_ctor(device: str) -> Any:
    return [
        torch.tensor([[1, 2]], device=device),
        torch.as_tensor([1.0], device=device),
        torch.tensor(3, device=device),
        torch.asarray([1], device=device),
        torch.arange(3, device=device),
        torch.linspace(0, 1, 3, device=device),
        torch.eye(2, device=device),
        torch.ones(2, device=device).new_tensor([5.0]),
        torch.ones(2, device=device).new_zeros(2),
        torch.from_numpy(numpy.ones(2)).to(device),
    ]


def every_optimizer(device: str) -> Any:
    names = "SGD Adam AdamW RMSprop Adagrad Adadelta Adamax NAdam RAdam Rprop ASGD".split()
    settings: list[tuple[str, dict[str, Any]]] = [(name, {"foreach": True}) for name in names]
    settings += [
        ("SGD", {"momentum": 0.9, "fused": True}),
        ("AdamW", {"fused": True}),
        ("Adam", {"foreach": False}),
    ]
    found: list[Any] = []
    for name, options in settings:
        model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1)).to(device)
        optimizer = getattr(torch.optim, name)(model.parameters(), lr=0.01, **options)
        again = getattr(torch.optim, name)(model.parameters(), lr=0.01, **options)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 3)
        x = torch.randn(5, 3).to(device)
        for _ in range(3):
            optimizer.zero_grad()
            model(x).pow(2).mean().backward()
            optimizer.step()
            schedule.step()
        again.load_state_dict(copy.deepcopy(optimizer.state_dict()))
        again.step()
        found += model.parameters()
    return found


def own_tensor_class(device: str) -> Any:
    class Image(torch.Tensor):  # type: ignore[misc]
        pass

    image = torch.randn(3, 4).as_subclass(Image).to(device).requires_grad_()
    bright = image * 2
    bright.sum().backward()
    plain = bright.as_subclass(torch.Tensor)
    return [plain, type(bright).__name__, isinstance(image[0], Image), image.grad.as_subclass(torch.Tensor)]


def mixture_of_experts(device: str) -> Any:
    experts = nn.ModuleList([nn.Linear(4, 4) for _ in range(3)]).to(device)
    gate = nn.Linear(4, 3).to(device)
    x = torch.randn(10, 4).to(device)
    weights, chosen = gate(x).softmax(-1).topk(2, -1)
    out = torch.zeros_like(x)
    for number, expert in enumerate(experts):
        rows, place = torch.where(chosen == number)
        if rows.numel():
            out.index_add_(0, rows, weights[rows, place, None] * expert(x[rows]))
    out.sum().backward()
    return [out, gate.weight.grad]


def decoding_with_a_cache(device: str) -> Any:
    project = nn.Linear(8, 24).to(device)
    keys, values = torch.zeros(2, 1, 6, 8, device=device)
    outs = []
    with torch.inference_mode():
        for step in range(4):
            query, key, value = project(torch.randn(1, 1, 8).to(device)).chunk(3, -1)
            keys[:, step : step + 1], values[:, step : step + 1] = key, value
            outs.append(
                nn.functional.scaled_dot_product_attention(query, keys[:, : step + 1], values[:, : step + 1])
            )
        logits = torch.randn(1, 9).to(device)
        ordered, order = torch.sort(logits, descending=True)
        drop = ordered.softmax(-1).cumsum(-1) > 0.9
        drop[..., 1:], drop[..., 0] = drop[..., :-1].clone(), False
        kept = logits.masked_fill(drop.scatter(1, order, drop), float("-inf"))
    return [torch.cat(outs), kept]


def learning_to_learn(device: str) -> Any:
    from torch.func import functional_call

    m = nn.Linear(3, 1).to(device)
    x, y = torch.randn(4, 3).to(device), torch.randn(4, 1).to(device)
    parameters = dict(m.named_parameters())
    loss = nn.functional.mse_loss(functional_call(m, parameters, x), y)
    gradients = torch.autograd.grad(loss, list(parameters.values()), create_graph=True)
    moved = {name: p - 0.1 * g for (name, p), g in zip(parameters.items(), gradients)}
    nn.functional.mse_loss(functional_call(m, moved, x), y).backward()
    return [m.weight.grad, m.bias.grad]


def codebook(device: str) -> Any:
    book = nn.Embedding(6, 3).to(device)
    z = torch.randn(4, 3).to(device).requires_grad_()
    nearest = torch.cdist(z, book.weight).argmin(1)
    loss = nn.functional.mse_loss(book(nearest), z.detach())
    straight = z + (book(nearest) - z).detach()
    (straight.sum() + loss).backward()
    return [nearest, z.grad, book.weight.grad, torch.bincount(nearest, minlength=6)]


def state_moved_by_hand(device: str) -> Any:
    m = nn.Linear(2, 2).to(device)
    optimizer = torch.optim.Adam(m.parameters())
    for place in (device, "cpu", device):
        m.to(place)
        for state in optimizer.state.values():
            for name, value in state.items():
                if name != "step":
                    state[name] = value.to(place)
        m(torch.ones(1, 2, device=place)).sum().backward()
        optimizer.step()
    return [m.weight, optimizer.state[m.weight]["exp_avg"]]
