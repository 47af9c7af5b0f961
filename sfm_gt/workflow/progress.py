"""Progress bars: a bar on a terminal, a line now and then in a log file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

LOG_LINES = 10


@contextmanager
def progress(title: str) -> Iterator[Callable[[int, int], None]]:
    """Yields ``report(done, total)``; works from any thread."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda done, total: _log_line(console, title, done, total)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as bars:
        task = bars.add_task(title, total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)


def _log_line(console: Console, title: str, done: int, total: int) -> None:
    if done == total or done % max(total // LOG_LINES, 1) == 0:
        console.print(f"{title}: {done}/{total}", highlight=False)
