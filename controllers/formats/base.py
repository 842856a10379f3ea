"""The common implementation of chat formats over a transformers fast tokenizer."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from jinja2 import TemplateError

from ...core.chat_format import Answer, CallParser, Decision, ForcedCall, TextStream, Thinking, Tracker
from ...core.errors import ConfigError, RequestError
from .data import CallData, FamilyData, ThinkData
from .forced import call_schema
from .foreign import ForeignText
from .hermes import HermesCallParser
from .marks import Markers, MarkerTracker, after_last, transitions
from .messages import adapt_messages
from .prompt import end_prompt
from .results import after_calls, answered_turn, one_by_one
from .text import BackendTextStream
from .tokenizer import ChatTokenizer, has_token, hidden_ids, marker_id, marker_ids


class TokenizerFormat:
    """A model family: its data, its tokenizer, and Hermes calls. Families override what their data cannot say."""

    data: ClassVar[FamilyData]

    def __init__(self, tokenizer: ChatTokenizer) -> None:
        self._tokenizer, self._backend = tokenizer, tokenizer.backend_tokenizer
        self._backend.no_truncation()
        self._backend.no_padding()
        self.name = self.data.name
        self.reflection_words = self.data.reflection_words
        self.reads_effort = self.data.reads_effort
        self.eos_ids = frozenset(self._eos())
        self.turn_ids = frozenset(self._known(self.data.turn_open))
        self.fence = self.data.fence
        self.call_turn_end = self.data.call_turn_end or self.decode(self._eos()[:1])
        self._foreign = ForeignText(self._backend)
        self._think, self._calls = self._think_data(), self._call_data()
        self.thinks = self._think is not None
        self.think_end_id: int | None = None
        self.think_open_ids: tuple[int, ...] = ()
        self.answer_open_ids: tuple[int, ...] = ()
        self.decision: Decision | None = None
        if self._think is not None:
            self._read_thinking(self._think)
        self._hidden = hidden_ids(self._backend, self._calls.visible if self._calls else ())
        self._single_markers()
        self._reserved = {"messages", *inspect.signature(tokenizer.apply_chat_template).parameters} - {"kwargs"}

    # -- reading the data --------------------------------------------------------------------------------------------

    def _known(self, texts: Sequence[str]) -> list[int]:
        return [marker_id(self._backend, text, self.name) for text in texts if has_token(self._backend, text)]

    def _eos(self) -> list[int]:
        known = self._known(self.data.eos)
        if not known:
            raise ConfigError(f"the chat format {self.name!r} ends turns with one of {self.data.eos}; this tokenizer "
                              "has none of them; name another format, or format = 'auto'")  # fmt: skip
        return known

    def _think_data(self) -> ThinkData | None:
        think = self.data.think
        if think is not None and think.optional and not has_token(self._backend, think.close):
            return None
        return think

    def _call_data(self) -> CallData | None:
        calls = self.data.calls
        if calls is not None and calls.optional and not all(has_token(self._backend, text) for text in calls.open):
            return None
        return calls

    def _read_thinking(self, think: ThinkData) -> None:
        self.think_end_id = marker_id(self._backend, think.close, self.name)
        self.think_open_ids = tuple(self.encode(think.open_text))
        self.answer_open_ids = tuple(self.encode(think.answer_text))
        if think.decision_prefix is not None:
            deciding = tuple(self.encode(text)[0] for text in think.no_think)
            self.decision = Decision(think.decision_prefix, deciding)

    def _single_markers(self) -> None:
        """Read the tokens that mark channels; for families that mark them with single tokens."""
        self._table = transitions(self._markers(None))
        self._table_with_calls = transitions(self._markers(self._calls))

    def _markers(self, calls: CallData | None) -> Markers:
        think, call = self._think, calls or CallData()
        return Markers(
            eos=tuple(self.eos_ids),
            think_open=self._ids((think.open,)) if think else (),
            think_close=self._ids((think.close,)) if think else (),
            call_open=self._ids(call.open),
            call_inner=self._ids(call.inner),
            call_close=self._ids(call.close),
        )

    def _ids(self, texts: Sequence[str]) -> tuple[int, ...]:
        return marker_ids(self._backend, texts, self.name)

    # -- text and ids ------------------------------------------------------------------------------------------------

    def encode(self, text: str) -> list[int]:
        """Ids of text that is appended: tokenised alone, markers recognised, nothing added."""
        return self._backend.encode(text, add_special_tokens=False).ids

    def encode_foreign(self, text: str) -> list[int]:
        """Ids of text that others wrote, inside of which no marker is one."""
        return self._foreign.ids(self._foreign.marked(text))

    def quoted(self, text: str) -> str:
        """Text that others wrote, to stand in the content of a message: no marker in it is one when it is rendered."""
        return self._foreign.marked(text)

    def decode(self, ids: Sequence[int]) -> str:
        """Text of ids, markers included."""
        return self._backend.decode(list(ids), skip_special_tokens=False)

    def text_stream(self) -> TextStream:
        """A decoder for one run of tokens."""
        return BackendTextStream(self._backend, self._hidden)

    # -- prompts -----------------------------------------------------------------------------------------------------

    def render(
        self,
        messages: Sequence[Mapping[str, Any]],
        tools: Sequence[Mapping[str, Any]] | None,
        thinking: Thinking,
        template_args: Mapping[str, Any],
    ) -> list[int]:
        """The prompt's ids. Raises RequestError when the template refuses the messages."""
        return self._foreign.ids(self.render_text(messages, tools, thinking, template_args))

    def render_text(
        self,
        messages: Sequence[Mapping[str, Any]],
        tools: Sequence[Mapping[str, Any]] | None,
        thinking: Thinking,
        template_args: Mapping[str, Any],
    ) -> str:
        """The prompt's text; it is tokenised once, as a whole, but for markers in foreign text."""
        self._check_thinking(thinking)
        if tools and self._calls is None:
            raise RequestError("This model has no tokens for tool calls.", "tools")
        if taken := self._reserved & template_args.keys():
            raise RequestError(f"The chat template cannot be given {sorted(taken)}.", "chat_template_kwargs")
        told = self._think.template_args.get(thinking, {}) if self._think else {}
        adapted = self.adapt(messages)
        try:
            prompt = self._tokenizer.apply_chat_template(
                [self._foreign.in_message(message, self.data.reasoning_key) for message in adapted],
                tools=[self._foreign.marked_in(dict(tool)) for tool in tools] if tools else None,
                add_generation_prompt=True,
                tokenize=False,
                **{**template_args, **told},
            )
        except (TemplateError, TypeError, RecursionError) as error:
            raise RequestError(f"The model's chat template refuses the messages: {error}", "messages") from error
        return end_prompt(str(prompt), thinking, self._think) if self._think else str(prompt)

    def adapt(self, messages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """The messages as the template wants them."""
        return adapt_messages(messages, self.data)

    def _check_thinking(self, thinking: Thinking) -> None:
        if thinking is Thinking.ON and not self.thinks:
            raise RequestError(f"{self.name} models do not think.", "flyball")
        if thinking is Thinking.AUTO and self.decision is None:
            raise RequestError(f"{self.name} models do not decide by themselves whether to think.", "flyball")

    # -- channels ----------------------------------------------------------------------------------------------------

    def tracker(self, prompt_ids: Sequence[int], *, tools: bool = False) -> Tracker:
        """A tracker that stands at the end of the prompt; it reads the prompt's last, open turn only."""
        tracker = self.new_tracker(tools)
        for token in after_last(prompt_ids, self.turn_ids):
            if tracker.busy or token in tracker.special:
                tracker.see(token)
        return tracker

    def new_tracker(self, tools: bool) -> Tracker:
        """A tracker at the beginning of an assistant turn."""
        return MarkerTracker(self._table_with_calls if tools else self._table)

    def close_thinking(self, phrase: str) -> list[int]:
        """Ids that end open thinking with a phrase and lead to the answer."""
        if self._think is None:
            raise ValueError(f"{self.name} models do not think")
        return self.encode(phrase.rstrip("\n") + self._think.close_text)

    # -- calls -------------------------------------------------------------------------------------------------------

    def call_parser(self) -> CallParser:
        """A parser for the calls of one answer."""
        return HermesCallParser()

    def render_results(
        self, answers: Sequence[Answer], thinking: Thinking, template_args: Mapping[str, Any]
    ) -> list[int]:
        """What follows a turn whose calls were answered, as the template writes it. Errors: RequestError if it cannot."""
        messages, calls = answered_turn(answers), len(answers)
        try:
            rendered = self.render_text(messages, None, thinking, template_args)
        except RequestError:
            rendered, calls = self.render_text(one_by_one(messages), None, thinking, template_args), 1
        return self._foreign.ids(after_calls(rendered, calls, [self.decode([token]) for token in self.eos_ids]))

    def forced_call(self, tools: Sequence[Mapping[str, Any]]) -> ForcedCall:
        """How a call to one of the tools is written."""
        return ForcedCall("<tool_call>\n", call_schema(tools), "\n</tool_call>")
