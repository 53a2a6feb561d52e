"""A progress bar over the bytes of a file, on standard error, only where somebody watches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def reading(file: Path, *, shown: bool) -> Iterator[Callable[[int], None]]:
    """Give a function that takes the bytes read so far."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    size = file.stat().st_size if file.is_file() else 0
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    off = not (shown and console.is_terminal)
    with Progress(*columns, console=console, disable=off, transient=True) as bar:
        task = bar.add_task(f"读取 {file.name}", total=size)
        yield lambda done: bar.update(task, completed=done)
