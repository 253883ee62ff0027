"""The training itself: cells varied anew each time, one rise and fall of the rate, a running mean of the weights."""

import copy
import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import distributed, nn

from ocr.focus import WHOLE, Found, near, study, whole
from ocr.train.network import Network, Shape

U8 = npt.NDArray[np.uint8]
I64 = npt.NDArray[np.int64]
F32 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Plan:
    """How to train: passes over the cells, cells a step, highest rate, seed.

    `ranks` processes may share the work, each with its part of the cells and of every step: they meet at the file `meet`, which
    must not exist before. With `half` the convolutions are reckoned in 16 bits (bfloat16), the weights kept in 32: a third
    faster where the processor can do it, many times slower elsewhere. The state is kept in `state` now and then, and taken up from there.
    """

    epochs: int
    batch: int
    rate: float
    seed: int
    state: Path
    half: bool = False
    rank: int = 0
    ranks: int = 1
    meet: Path | None = None


def study_all(cells: U8, each: int = 5000) -> Found:
    """`ocr.focus.study` of many cells."""
    parts = [study(cells[k : k + each]) for k in range(0, len(cells), each)]
    return Found(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in dataclasses.fields(Found)))


def take(found: Found, at: I64) -> Found:
    """What is known of some of the cells."""
    return Found(found.halves[at], found.paper[at], found.span[at], found.places[at])


def vary(cells: U8, found: Found, rng: np.random.Generator) -> tuple[F32, F32]:
    """Both views of cells, shifted, turned, stretched, bent in contrast, a little noisy: no cell comes twice the same."""
    n = len(cells)
    padded = np.pad(whole(found), ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge")
    out = np.empty((n, 1, WHOLE, WHOLE), np.float32)
    moves = rng.integers(0, 9, n)
    for k in range(9):
        at = moves == k
        out[at] = padded[at, :, k // 3 : k // 3 + WHOLE, k % 3 : k % 3 + WHOLE]
    turn, lean, wide, size = rng.standard_normal((4, n)) * np.array([0.05, 0.06, 0.05, 0.07])[:, None]
    c, s = np.cos(turn), np.sin(turn)
    linear = np.array([[c * np.exp(wide), lean - s], [s, c]]).transpose(2, 0, 1) * np.exp(size)[:, None, None]
    close = near(cells, found, linear, rng.normal(0, 0.8, (n, 2)).astype(np.float32))
    bend = rng.uniform(-0.25, 0.25, (n, 1, 1, 1)).astype(np.float32)
    grain = rng.uniform(0, 0.03, (n, 1, 1, 1)).astype(np.float32)
    for view in (out, close):
        view += bend * view * (1 - view)  # paper stays 0 and ink stays 1
        view += rng.standard_normal(view.shape, np.float32) * grain
        np.clip(view, -0.5, 1.5, out=view)
    return out, close


def _share(net: Network, ranks: int) -> None:
    """The mean of the gradients of all processes."""
    grads = [p.grad for p in net.parameters() if p.grad is not None]
    flat = torch.cat([g.reshape(-1) for g in grads])
    distributed.all_reduce(flat)
    flat /= ranks
    for g, part in zip(grads, flat.split([g.numel() for g in grads]), strict=True):
        g.copy_(part.view_as(g))


def learn(
    cells: U8, found: Found, labels: I64, shape: Shape, plan: Plan, after: Callable[[Network, str], None]
) -> Network:
    """Train on cells of which `study_all` has `found` what there is; return the running mean of the weights.

    `after` is called with it after each pass.

    The rate rises and falls once (Smith & Topin 2019, Proc. SPIE 11006).
    """
    if plan.ranks > 1:
        assert plan.meet is not None
        distributed.init_process_group(
            "gloo", init_method=plan.meet.resolve().as_uri(), rank=plan.rank, world_size=plan.ranks
        )
    torch.manual_seed(plan.seed)
    torch.set_flush_denormal(True)
    steps, each = len(cells) // plan.batch, plan.batch // plan.ranks
    if plan.ranks > 1:
        mine = np.arange(plan.rank, len(cells), plan.ranks)
        cells, labels, found = cells[mine], labels[mine], take(found, mine)
    net = Network(shape).to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(net.parameters(), lr=plan.rate, weight_decay=0.02, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, plan.rate, total_steps=plan.epochs * steps, pct_start=0.1
    )
    mean = copy.deepcopy(net)
    parts = {"net": net, "mean": mean, "optimiser": optimiser}
    done, spent = 0, 0.0
    if plan.state.exists():
        kept = torch.load(plan.state, weights_only=True)
        done, spent = kept["done"], kept["spent"]
        for name, part in parts.items():
            part.load_state_dict(kept[name])
        for _ in range(done):
            schedule.step()
    started, total = time.process_time() - spent, 0.0
    order: I64 | None = None
    net.train()
    while done < plan.epochs * steps:
        epoch, step = divmod(done, steps)
        if order is None or step == 0:
            order = np.random.default_rng([plan.seed, epoch]).permutation(len(cells))
        at = np.sort(order[step * each : (step + 1) * each])
        rng = np.random.default_rng([plan.seed, done, plan.rank])
        views = vary(cells[at], take(found, at), rng)
        with torch.autocast("cpu", torch.bfloat16, enabled=plan.half):
            guess = net(*(torch.from_numpy(v).to(memory_format=torch.channels_last) for v in views))
        loss = nn.functional.cross_entropy(guess.float(), torch.from_numpy(labels[at]))
        optimiser.zero_grad()
        loss.backward()
        if plan.ranks > 1:
            _share(net, plan.ranks)
        optimiser.step()
        schedule.step()
        total += float(loss.detach())
        done += 1
        share = 1 - min(0.998, (1 + done) / (10 + done))
        with torch.no_grad():
            for held, now in zip(mean.state_dict().values(), net.state_dict().values(), strict=True):
                if held.dtype.is_floating_point:
                    held.lerp_(now, share)
                else:
                    held.copy_(now)
        if plan.rank == 0 and (done % 250 == 0 or done % steps == 0):
            spent = time.process_time() - started
            written = plan.state.with_suffix(".part")
            torch.save(
                {n: p.state_dict() for n, p in parts.items()} | {"done": done, "spent": spent}, written
            )
            written.replace(plan.state)
            print(f"step {done} of {plan.epochs * steps}: loss {total / 250:.4f}, {spent:.0f} s", flush=True)
            total = 0.0
        if done % steps == 0 and plan.rank == 0:
            after(mean, f"epoch {epoch + 1}, {time.process_time() - started:.0f} s of processor time")
    if plan.ranks > 1:
        distributed.destroy_process_group()
    return mean
