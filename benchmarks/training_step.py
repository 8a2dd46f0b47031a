"""Speed and memory of training SPLADE, with `lsr.training.model.projection` and with the plain formula.

    python benchmarks/training_step.py [--model splade-tiny] [--batch 32] [--length 128] [--steps 10]
        [--output DIR]

A step takes a batch of random tokens through the model, sums weights times random numbers and adds FLOPS, runs the
backward pass, and updates all parameters with AdamW. Every row is measured in a separate process; memory is the peak of
resident memory in the steps, minus what was resident with the model and optimiser loaded. The gradients of both ways
are compared once. The table goes to stdout, and with every number to training_step.md and training_step.json in the
output folder. Nothing else should run at the same time; needs Linux (/proc).
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from script import Report, main, measured_apart, reset_peak, resident

from lsr.eval.measures.machine import cpus
from lsr.eval.reports.markdown import markdown_table

WAYS = {
    "plain": "plain formula, autograd",
    "lsr-float32": "lsr, without bfloat16",
    "lsr": "lsr",
}


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", default="splade-tiny", help="packaged model or folder (%(default)s)")
    parser.add_argument("--batch", type=int, default=32, metavar="TEXTS")
    parser.add_argument("--length", type=int, default=128, metavar="TOKENS")
    parser.add_argument("--steps", type=int, default=10, metavar="N", help="the median counts (%(default)s)")


def run(arguments: argparse.Namespace, _: Path) -> Iterator[Report]:
    """Measure each way in a separate process."""
    rows = {}
    for way, name in WAYS.items():
        print(f"measuring {name}", file=sys.stderr)
        rows[way] = measured_apart(way)
    result = {
        "model": Path(arguments.model).name,
        **{name: getattr(arguments, name) for name in ("batch", "length", "steps")},
        "cpus": cpus(),
        "ways": rows,
    }
    yield Report(markdown(result), result)


def markdown(result: dict[str, Any]) -> str:
    base = result["ways"]["plain"]
    lines = [
        [
            WAYS[way],
            f"{row['seconds']:.2f}",
            f"{base['seconds'] / row['seconds']:.1f}",
            f"{row['peak_bytes'] / 1e6:,.0f}",
            f"{base['peak_bytes'] / row['peak_bytes']:.1f}",
            f"{row['active_terms']:,.0f}",
            f"{row['gradient_difference']:.1e}",
        ]
        for way, row in result["ways"].items()
    ]
    head = ["", "s a step", "times as fast", "MB above the model", "times less", "active terms", "gradient off by"]
    return (
        f"# A training step\n\n{result['model']}, {result['batch']} texts of {result['length']} random tokens, "
        f"{result['cpus']} CPUs; median of {result['steps']} steps. The last column is the norm of the gradient's "
        "difference from the plain formula's, over the norm of that.\n\n"
        f"{markdown_table(head, lines)}\n"
    )


def measure(arguments: argparse.Namespace) -> dict[str, float]:
    """Measure one way, in this process."""
    import torch

    from lsr.encoding.catalogue import resolve
    from lsr.encoding.shared.language_model import detach_head, load_language_model
    from lsr.training.penalties.flops import flops

    torch.manual_seed(0)
    model = load_language_model(Path(resolve(arguments.model)))
    head = detach_head(model)
    assert head is not None, "the model's logits are not computed by a linear layer"
    parameters = [*model.parameters(), *(p for p in head.parameters() if all(p is not q for q in model.parameters()))]
    optimiser = torch.optim.AdamW(parameters, lr=1e-6)
    tokens = torch.randint(1000, model.config.vocab_size, (arguments.batch, arguments.length))
    kept = torch.ones_like(tokens, dtype=torch.bool)
    given = torch.randn(arguments.batch, head.out_features)

    def loss(pool: Callable[..., Any]) -> Any:
        hidden = model(input_ids=tokens, attention_mask=kept.long()).logits
        weights = pool(hidden, head.weight, head.bias, kept)
        return (weights * given).mean() + 0.01 * flops(weights), weights

    pool = WAY_FUNCTIONS[arguments.one]()
    for parameter in parameters:
        parameter.grad = torch.zeros_like(parameter)
    optimiser.step()  # its state counts as resident before
    before = resident("VmRSS")
    reset_peak()
    times, active = [], 0.0
    for _ in range(arguments.steps + 1):
        started = time.perf_counter()
        optimiser.zero_grad(set_to_none=False)
        value, weights = loss(pool)
        value.backward()
        optimiser.step()
        times.append(time.perf_counter() - started)
        active = (weights > 0).sum(1).float().mean().item()
        del value, weights
    peak = resident("VmHWM") - before
    return {
        "seconds": sorted(times[1:])[len(times[1:]) // 2],
        "peak_bytes": peak,
        "active_terms": active,
        "gradient_difference": difference(loss, pool, parameters),
    }


def difference(loss: Callable[..., Any], pool: Callable[..., Any], parameters: list[Any]) -> float:
    """Norm of the gradient's difference from the plain formula's, relative to the norm of the latter."""
    import torch

    found = []
    for way in (WAY_FUNCTIONS["plain"](), pool):
        for parameter in parameters:
            parameter.grad = None
        loss(way)[0].backward()
        found.append(torch.cat([p.grad.flatten() for p in parameters if p.grad is not None]))
    plain, ours = found
    return ((ours - plain).norm() / plain.norm()).item()


def plain_pool() -> Callable[..., Any]:
    def pool(hidden: Any, weight: Any, bias: Any, kept: Any) -> Any:
        # As naver/splade and sentence-transformers write it.
        logits = hidden @ weight.t() + bias
        return ((1 + logits.relu()).log() * kept[..., None]).max(1).values

    return pool


def lsr_pool(screen: bool) -> Callable[..., Any]:
    from lsr.training.model.projection import masked_max

    return lambda *arguments: masked_max(*arguments, screen=screen).log1p()


WAY_FUNCTIONS: dict[str, Callable[[], Callable[..., Any]]] = {
    "plain": plain_pool,
    "lsr-float32": lambda: lsr_pool(False),
    "lsr": lambda: lsr_pool(True),
}


if __name__ == "__main__":
    sys.exit(main("training_step", __doc__, options, run, apart=measure))
