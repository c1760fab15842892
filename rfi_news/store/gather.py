"""Questions asked together: many callers, one call."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

Q = TypeVar("Q")
A = TypeVar("A")


class Gatherer(Generic[Q, A]):
    """Collects what is asked within `seconds`, and answers all of it by one call.

    `answer` gets the questions in the order asked and returns what every caller gets; an exception reaches them all.
    """

    def __init__(self, answer: Callable[[list[Q]], Awaitable[A]], *, seconds: float) -> None:
        self._answer = answer
        self._seconds = seconds
        self._questions: list[Q] = []
        self._answers: asyncio.Task[A] | None = None

    async def ask(self, question: Q) -> A:
        """Wait for the others, then for the answer to all."""
        self._questions.append(question)
        if self._answers is None:
            self._answers = asyncio.create_task(self._ask_all())
        return await asyncio.shield(self._answers)

    async def _ask_all(self) -> A:
        await asyncio.sleep(self._seconds)
        questions, self._questions, self._answers = self._questions, [], None
        return await self._answer(questions)
