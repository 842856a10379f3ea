"""Thinking without documents: an attempt, verifications, programs, and what follows a hint."""

import random
from collections.abc import Sequence

from . import wording
from .behaviour import Behaviour
from .calls import PYTHON, Budget, call, draw_budget, fenced, make_calls, output
from .endings import END_THINK
from .problems import Problem
from .scratch import Scratch


class Thinker:
    """Writes the thinking of one example into a scratch. `stated` is the result that stands, if there is one.

    With `declared`, Python is a declared tool and is called in Hermes form, else by fenced code in the thinking."""

    def __init__(
        self, rng: random.Random, behaviour: Behaviour, problem: Problem, scratch: Scratch, declared: bool = False
    ) -> None:
        self.rng, self.behaviour, self.problem, self.scratch, self.declared = rng, behaviour, problem, scratch, declared
        self.stated: str | None = None
        self.computed = self.trusting = self.checked = False

    def begin(self) -> None:
        """Opens the thinking."""
        self.scratch.write("<think>\n")

    def attempt(self) -> None:
        """The first attempt."""
        self.stated = self.problem.attempt(self.rng, self.behaviour, self.scratch)

    def verify(self, weights: Sequence[float]) -> None:
        """A drawn number of verifications; an attempt that erred gets at least one, and one in full."""
        count = self.rng.choices(range(len(weights)), weights)[0]
        if self.stated != self.problem.answer:
            count = max(count, 1)
        sure = self.rng.randrange(count) if count and not self.behaviour.full_check_first else -1
        for number in range(count):
            self.scratch.say("\n\n" + self.rng.choice(wording.REFLECTIONS) + " ")
            self._check(number == sure)

    def _check(self, sure: bool) -> None:
        """One verification; `sure`: in full."""
        before = self.stated or self.problem.answer
        sure = sure or (self.behaviour.full_check_first and before != self.problem.answer)
        share = self.behaviour.full_check_again if self.checked else self.behaviour.full_check
        full = sure or self.rng.random() < share
        self.checked = self.checked or full
        self.state(*self.problem.check(self.rng, before, full))

    def state(self, text: str, value: str) -> None:
        """Text that states a result."""
        self.scratch.state(text, value)
        self.stated = value

    def own_python(self) -> None:
        """The model reaches for Python by itself, before it has tried."""
        self.scratch.say(self.rng.choice(wording.SELF_STARTS) + "\n")
        self.compute()

    def compute(self, opened: bool = False) -> None:
        """Lets Python compute it, in the form at hand; `opened`: a hint has already opened the fence."""
        code = self.problem.code
        assert code is not None
        if self.declared and not opened:
            self._call(code)
        else:
            self._run(code, opened)

    def _run(self, code: str, opened: bool) -> None:
        rng, scratch = self.rng, self.scratch
        if not opened and (words := rng.choice(wording.PYTHON_LEADS)):
            scratch.say(words + "\n")
        block = fenced(code)
        if rng.random() < self.behaviour.wrong_code:
            scratch.read((block.replace("print", rng.choice(("prin", "show")), 1)).removeprefix("```python\n" * opened))
            scratch.read(output("NameError: name is not defined"))
            scratch.say(rng.choice(wording.REPAIRS) + "\n")
            opened = False
        scratch.write(block.removeprefix("```python\n" * opened))
        if rng.random() < self.behaviour.no_executor:
            return self._without_output()
        budget = self._budget()
        if rng.random() < self.behaviour.tool_error:
            scratch.read(output(rng.choice(wording.ERRORS), _spent(budget)))
            if budget and budget.remaining <= 0:
                return self._out_of_budget()
            scratch.say(rng.choice(wording.FAILURES) + "\n")
            scratch.write(block)
        scratch.read(output(self.problem.answer, _spent(budget)))
        self._read_result()
        if budget and budget.remaining >= 3 and rng.random() < 0.5:
            scratch.say("\n\n" + rng.choice(wording.SPARE_BUDGET) + "\n")
            scratch.write(block)
            scratch.read(output(self.problem.answer, _spent(budget)))
            self._read_result()

    def _call(self, code: str) -> None:
        rng, scratch = self.rng, self.scratch
        words = rng.choice(wording.PYTHON_LEADS)
        scratch.say(words or "I call Python.")
        budget = self._budget()
        text = call(PYTHON, code)
        scratch.write(END_THINK)
        if rng.random() < self.behaviour.tool_error:
            make_calls(scratch, [text], [rng.choice(wording.ERRORS)], budget)
            self.begin()
            if budget and budget.remaining <= 0:
                return self._out_of_budget()
            scratch.say(rng.choice(wording.FAILURES))
            scratch.write(END_THINK)
        make_calls(scratch, [text], [self.problem.answer], budget)
        self.begin()
        self._read_result()
        if budget and budget.remaining >= 3 and rng.random() < 0.5:
            scratch.say("\n\n" + rng.choice(wording.SPARE_BUDGET))
            scratch.write(END_THINK)
            make_calls(scratch, [text], [self.problem.answer], budget)
            self.begin()
            self._read_result()

    def _budget(self) -> Budget | None:
        if self.rng.random() >= self.behaviour.budget:
            return None
        return draw_budget(self.rng, PYTHON, self.rng.choice(self.behaviour.programs_left))

    def _read_result(self) -> None:
        self.computed = True
        self.scratch.suppose(self.problem.answer)
        if self.rng.random() < self.behaviour.trust_hint:
            self.scratch.read(self.rng.choice(wording.TRUST_HINTS) + self.rng.choice(("\n", " ", "\n\n")))
            self.trusting = True
        self.state(self.rng.choice(wording.READINGS).format(d=self.problem.answer), self.problem.answer)

    def _without_output(self) -> None:
        self.scratch.say(self.rng.choice(wording.NO_OUTPUT) + "\n")
        if self.stated is None:
            self.attempt()
        else:
            self.state(self.rng.choice(wording.BRIEF).format(d=self.stated), self.stated)

    def _out_of_budget(self) -> None:
        value = self.stated or self.problem.answer
        self.state(self.rng.choice(wording.NO_BUDGET).format(d=value), value)

    def heed_verify(self) -> None:
        """After a hint to check, or one of no sense: a full check."""
        self.state(*self.problem.check(self.rng, self.stated or self.problem.answer, full=True))

    def heed_python(self, opened: bool) -> None:
        """After a hint to use Python."""
        if self.problem.code is not None:
            return self.compute(opened)
        self.state(self.rng.choice(wording.USELESS_PYTHON).format(d=self.problem.answer), self.problem.answer)

    def heed_search(self) -> None:
        """After a hint to search, where a search is of no use."""
        value = self.stated or self.problem.answer
        self.state(self.rng.choice(wording.USELESS_SEARCH).format(d=value), value)


def _spent(budget: Budget | None) -> Budget | None:
    """The same budget, one call poorer."""
    if budget:
        budget.spend()
    return budget
