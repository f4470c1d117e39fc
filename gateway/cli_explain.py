"""``fieldgate explain``: how a query would be executed, without asking any system anything."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from gateway.refusal import Refused
from gateway.settings import load_config


def explain(
    query: Annotated[
        Path, typer.Argument(help="A file with a GraphQL document.", exists=True, dir_okay=False)
    ],
    config: Annotated[Path, typer.Option("--config", "-c", help="The configuration file.")] = Path(
        "fieldgate.yaml"
    ),
    operation: Annotated[str | None, typer.Option(help="Which of the document's operations.")] = None,
) -> None:
    """Prints the plan of a query: its rounds, and what each system is asked in them."""
    from gateway.connect import connect, ownership_of
    from gateway.limits.documents import Documents
    from gateway.limits.errors import TooComplex
    from resolvers.graph import build_graph
    from resolvers.planned.execution import PlannedExecution
    from resolvers.planned.explain import Explanation, unplanned

    settings = load_config(config, os.environ)
    systems = connect(settings)
    graph = build_graph()
    planned = PlannedExecution(graph, systems, ownership_of(settings, systems))
    documents = Documents(graph._schema, settings.limits)  # pyright: ignore[reportPrivateUsage]
    try:
        text = query.read_text()
        found = planned.prepared(text, operation)
        points = documents.cost(documents.prepare(text), operation, {})
    except (ValueError, OSError, TooComplex) as error:
        raise Refused(f"{query}: {error}") from error
    if isinstance(found, str):
        sys.stdout.write(unplanned(found, points)["text"] + "\n")
        return
    sys.stdout.write(Explanation(found, systems).text(points) + "\n")
