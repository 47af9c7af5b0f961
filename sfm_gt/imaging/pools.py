"""Work on many images side by side."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import cv2

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


@contextmanager
def one_thread_a_call() -> Iterator[None]:
    """One thread in OpenCV: its own would only compete where images run side by side, and DIS flow cuts its work by the number
    of threads, so that its result hangs on the cuts."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


def in_order(
    pool: ThreadPoolExecutor, work: Callable[[_Item], _Result], items: Iterable[_Item], n_threads: int
) -> Iterator[_Result]:
    """Results in the order of ``items``, computed only a little ahead: a slow consumer must not fill the memory.

    Args:
        n_threads: of the pool.
    """
    waiting: deque[Future[_Result]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) > 2 * n_threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


def in_parallel(work: Callable[[_Item], _Result], items: Iterable[_Item], n_threads: int) -> Iterator[_Result]:
    """Results of ``work`` in the order of ``items`` on so many threads (OpenCV releases the interpreter's lock)."""
    with one_thread_a_call(), ThreadPoolExecutor(n_threads) as pool:
        yield from in_order(pool, work, items, n_threads)
