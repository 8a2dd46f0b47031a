"""`lsr models`: which models are available."""

from __future__ import annotations

from dataclasses import asdict

from lsr.cli.console import escape, output, print_json
from lsr.cli.options import Json


def run(as_json: Json = False) -> None:
    """List the models that have a short name: what each is, and whether it is installed.

    Any command's --model also takes a folder or a hub name.

    Example:

        lsr models
    """
    from lsr.encoding.catalogue import packaged_models

    models = packaged_models()
    if as_json:
        print_json([{**asdict(model), "path": model.path and str(model.path)} for model in models])
        return
    for model in models:
        size = [f"{model.size_bytes / 1e6:,.0f} MB"] if model.size_bytes else []
        installed = "installed" if model.installed else f"not installed: {model.install}"
        output.print(f"[bold]{escape(model.name)}[/]  {', '.join([model.kind, *size, model.licence, installed])}")
        output.print(f"  {model.description}", markup=False)
