"""Passes a host's questions at a login, such as for a code, to the user.

asyncio runs the login, and trio the terminal. A question is sent from one to the other as a
message, and its answers come back by an asyncio future.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import asyncssh
import trio
from attrs import define, field, frozen

from atoll import AtollError, Context
from atoll_ssh.user_questions import APPROVAL_TIMEOUT, interactive_context, prompt_name, shown

T = TypeVar("T")
Prompts = Sequence[tuple[str, bool]]
"""The texts of the questions, and whether the answer may be shown while it is typed."""

_MOST_PROMPTS, _MOST_ROUNDS = 8, 8


@frozen
class _Question:
    """Questions that a host asks together."""

    instructions: str
    prompts: Prompts
    answers: "asyncio.Future[list[str] | None]"


@define(eq=False)
class Questions:
    """The questions of one login; after a wrong answer the user is not asked again.

    `patience` is how many seconds the login may take; the time in which the user types does not
    count.
    """

    patience: float
    unanswered: str = field(default="", init=False)
    """The question that was asked while no user could answer."""
    _context: Context | None = field(init=False)
    _token: trio.lowlevel.TrioToken = field(factory=trio.lowlevel.current_trio_token, init=False)
    _limit: trio.CancelScope = field(factory=trio.CancelScope, init=False)
    _began: bool = field(default=False, init=False)
    _rounds: int = field(default=0, init=False)
    _answered: bool = field(default=False, init=False)
    _failure: AtollError | None = field(default=None, init=False)
    _sent_questions: trio.MemorySendChannel[_Question] = field(init=False)
    _received_questions: trio.MemoryReceiveChannel[_Question] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._context = interactive_context()
        self._sent_questions, self._received_questions = trio.open_memory_channel[_Question](1)

    def begin(self) -> bool:
        """Tell whether the host may ask; it may ask only once."""
        is_first, self._began = not self._began, True
        if self._context is not None:
            self._token.run_sync_soon(self._set_time_left, APPROVAL_TIMEOUT)
        return is_first

    @property
    def was_asked(self) -> bool:
        """Whether the user has answered a question."""
        return self._answered

    async def put(self, instructions: str, prompts: Prompts) -> list[str] | None:
        """Ask the user; called by asyncio. Returns None if the login is to be cancelled."""
        self._rounds += 1
        if self._rounds > _MOST_ROUNDS or len(prompts) > _MOST_PROMPTS:
            return None
        if self._context is None:
            self.unanswered = prompt_name(prompts[0][0]) if prompts else ""
            return None if prompts else []  # without prompts it is only a greeting
        self._answered = True
        answers = asyncio.get_running_loop().create_future()
        question = _Question(instructions, prompts, answers)
        self._token.run_sync_soon(self._sent_questions.send_nowait, question)
        found: list[str] | None = await answers
        return found

    async def during(self, log_in: Callable[[], Awaitable[T]]) -> T:
        """Await a login, and let the user answer its questions meanwhile.

        Raises the errors of the login and of asking the user, and asyncssh.ConnectionLost if the
        login takes too long.
        """
        failure: Exception | None = None
        with self._limit:
            self._set_time_left(self.patience)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._answer)
                try:
                    return await log_in()
                except Exception as error:  # noqa: BLE001 - raised below, in no group
                    failure = error
                finally:
                    nursery.cancel_scope.cancel()
        raise self._failure or failure or asyncssh.ConnectionLost("the login takes too long")

    def _set_time_left(self, seconds: float) -> None:
        self._limit.deadline = trio.current_time() + seconds

    async def _answer(self) -> None:
        async for question in self._received_questions:
            self._set_time_left(float("inf"))
            try:
                _set_answers(question, await self._ask(question))
            except AtollError as error:
                self._failure = error
                _set_answers(question, None)
            finally:
                question.answers.cancel()
            self._set_time_left(APPROVAL_TIMEOUT)

    async def _ask(self, question: _Question) -> list[str]:
        assert self._context is not None  # noqa: S101 - a question needs a user
        if text := shown(question.instructions):
            self._context.output.note(text)
        return [
            await self._context.ask(prompt_name(prompt), hidden=not visible)
            for prompt, visible in question.prompts
        ]


def _set_answers(question: _Question, answers: list[str] | None) -> None:
    if not question.answers.done():  # the connection may end while the user types
        question.answers.set_result(answers)
