"""The vllm engine: AsyncLLM in this process, its engine core in a process of its own, which ends with this one.

The only module that imports vllm, and only once an engine starts: the import alone takes seconds. It uses the names that
stayed the same over vLLM 0.28 to 0.33.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, NamedTuple

from ...core.engine import GRAMMAR, Abilities, Delta, EngineRequest, Finish, Grammar, Sampling, TokenLogprob
from ...core.errors import ConfigError, EngineDead, EngineError, RequestError
from .adapter_gate import AdapterGate
from .offspring import Offspring
from .vllm_cpu import cpu_defaults, has_gpu, set_cpu_environment

if TYPE_CHECKING:
    from vllm.v1.engine.async_llm import AsyncLLM

_FINISHES: Mapping[str, Finish] = {"stop": "stop", "length": "length", "repetition": "stop", "abort": "abort"}


class ThinkingMarkers(NamedTuple):
    """How the served model marks thinking: for vLLM's own thinking budget."""

    open: str
    close: str
    close_id: int


class VllmEngine:
    """vLLM behind the engine protocol. `args` are vLLM's own engine arguments, passed through.

    Errors of `start`: ConfigError when vLLM is missing or refuses the arguments.
    """

    def __init__(
        self,
        model: str,
        args: Mapping[str, Any] | None = None,
        adapters: Mapping[str, str] | None = None,
        thinking: ThinkingMarkers | None = None,
    ) -> None:
        self._model, self._args, self._adapters = model, dict(args or {}), dict(adapters or {})
        self._thinking = thinking
        self._llm: AsyncLLM | None = None
        self._abilities: Abilities | None = None
        self._defaults: dict[str, Any] = {}
        self._loras: dict[str, Any] = {}
        self._gate: AdapterGate | None = None
        self._offspring = Offspring()

    @property
    def abilities(self) -> Abilities:
        if self._abilities is None:
            raise EngineDead("the engine has not been started")
        return self._abilities

    @property
    def alive(self) -> bool:
        return self._llm is not None and not self._llm.errored

    # -- life ------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Load the model. Takes seconds to minutes; other tasks go on meanwhile."""
        self._llm = await self._offspring.during(asyncio.to_thread(self._load))
        config = self._llm.vllm_config
        self._defaults = config.model_config.get_diff_sampling_param()
        self._abilities = Abilities(
            context_length=config.model_config.max_model_len,
            max_logprobs=config.model_config.max_logprobs,
            adapters=tuple(self._adapters),
            thinking_close_ids=None if self._thinking is None else (self._thinking.close_id,),
        )
        await self._warm_up()

    async def _warm_up(self) -> None:
        """One call of each kind, so that no client waits for kernels to be compiled."""
        kinds = (
            Sampling(max_tokens=2),
            Sampling(max_tokens=2, logprobs=1),
            Sampling(max_tokens=1, logprob_ids=(0, 1)),
            Sampling(max_tokens=2, temperature=0.5, top_p=0.9, top_k=5),
        )
        for number, sampling in enumerate(kinds):
            request = EngineRequest(request_id=f"warm-up-{number}", ids=[0], sampling=sampling)
            async with aclosing(self.generate(request)) as deltas:
                async for _ in deltas:
                    pass

    def _load(self) -> AsyncLLM:
        on_cpu = not has_gpu()
        if on_cpu:
            set_cpu_environment()
        try:
            from vllm.engine.arg_utils import AsyncEngineArgs
            from vllm.lora.request import LoRARequest
            from vllm.v1.engine.async_llm import AsyncLLM
        except ImportError as error:
            raise ConfigError(f"vLLM cannot be imported ({error}); run `flyball doctor`") from error
        self._loras = {
            name: LoRARequest(name, number, path) for number, (name, path) in enumerate(self._adapters.items(), start=1)
        }
        if on_cpu and self._adapters:
            self._gate = AdapterGate()
        try:
            return AsyncLLM.from_engine_args(AsyncEngineArgs(model=self._model, **self._engine_args(on_cpu)))
        except (ValueError, TypeError, OSError, RuntimeError) as error:
            raise ConfigError(f"vLLM does not start with {self._model!r}: {error}") from error

    def _engine_args(self, on_cpu: bool) -> dict[str, Any]:
        """vLLM's arguments: ours as defaults, the user's over them."""
        defaults: dict[str, Any] = {
            "scheduling_policy": "priority",
            "logprobs_mode": "processed_logprobs",
            # Free white space and properties that no schema names let a model write until max_tokens; guidance takes
            # the widest set of schemas.
            "structured_outputs_config": {
                "backend": "guidance",
                "disable_any_whitespace": True,
                "disable_additional_properties": True,
            },
            "enable_lora": bool(self._adapters),
            "max_loras": max(1, len(self._adapters)),
        }
        if self._thinking is not None:
            from vllm.config import ReasoningConfig

            defaults["reasoning_config"] = ReasoningConfig(
                reasoning_start_str=self._thinking.open, reasoning_end_str=self._thinking.close
            )
        return defaults | (cpu_defaults(self._model, self._args) if on_cpu else {}) | self._args

    async def close(self) -> None:
        """Stop the engine core process."""
        if self._llm is not None:
            llm, self._llm = self._llm, None
            await asyncio.to_thread(llm.shutdown)
        self._offspring.close()

    async def running(self) -> int:
        return 0 if self._llm is None else self._llm.get_num_unfinished_requests()

    async def idle(self) -> bool:
        """Whether the engine core itself holds no request: it gives its cache up only then. Empties the prefix cache."""
        return self._llm is not None and await self._llm.reset_prefix_cache()

    # -- calls -----------------------------------------------------------------------------------------------------

    async def generate(self, request: EngineRequest) -> AsyncGenerator[Delta]:
        """One call. Closing the generator aborts it in the engine."""
        if self._llm is None:
            raise EngineDead("the engine is not running")
        if self._gate is None:
            async with aclosing(self._stream(self._llm, request)) as stream:
                async for delta in stream:
                    yield delta
            return
        async with self._gate.turn(request.adapter is not None), aclosing(self._stream(self._llm, request)) as stream:
            async for delta in stream:
                yield delta

    async def _stream(self, llm: AsyncLLM, request: EngineRequest) -> AsyncGenerator[Delta]:
        from vllm import TokensPrompt
        from vllm.exceptions import VLLMClientError, VLLMError
        from vllm.v1.engine.exceptions import EngineDeadError

        outputs = llm.generate(
            TokensPrompt(prompt_token_ids=request.ids),
            self._sampling_params(request),
            request.request_id,
            lora_request=None if request.adapter is None else self._loras[request.adapter],
            priority=request.priority,
        )
        first = True
        try:
            async with aclosing(outputs):
                async for output in outputs:
                    yield _delta(output, request.sampling, first)
                    first = False
        except EngineDeadError as error:
            raise EngineDead("the engine process has died") from error
        except (VLLMClientError, ValueError) as error:
            param = getattr(error, "parameter", None) or (GRAMMAR if request.sampling.grammar is not None else None)
            raise RequestError(f"the engine refuses the request: {error}", param) from error
        except VLLMError as error:
            raise EngineError(f"the engine failed: {error}") from error

    def _sampling_params(self, request: EngineRequest) -> Any:
        from vllm import SamplingParams
        from vllm.sampling_params import RequestOutputKind

        sampling, default = request.sampling, self._defaults
        return SamplingParams(
            max_tokens=sampling.max_tokens,
            min_tokens=sampling.min_tokens,
            temperature=_first(sampling.temperature, default.get("temperature"), 1.0),
            top_p=_first(sampling.top_p, default.get("top_p"), 1.0),
            top_k=_first(sampling.top_k, default.get("top_k"), 0),
            min_p=_first(sampling.min_p, default.get("min_p"), 0.0),
            presence_penalty=sampling.presence_penalty,
            frequency_penalty=sampling.frequency_penalty,
            repetition_penalty=sampling.repetition_penalty,
            logit_bias=dict(sampling.logit_bias) if sampling.logit_bias else None,
            seed=sampling.seed,
            logprobs=None if sampling.logprob_ids else sampling.logprobs,
            logprob_token_ids=list(sampling.logprob_ids) or None,
            stop_token_ids=list(sampling.stop_ids) or None,
            ignore_eos=sampling.ignore_eos,
            structured_outputs=_structured(sampling.grammar),
            thinking_token_budget=None if request.thinking_budget is None else request.thinking_budget.tokens,
            detokenize=False,
            output_kind=RequestOutputKind.FINAL_ONLY if request.whole else RequestOutputKind.DELTA,
        )


def _first(*values: Any) -> Any:
    return next(value for value in values if value is not None)


def _structured(grammar: Grammar | None) -> Any:
    if grammar is None:
        return None
    from vllm.sampling_params import StructuredOutputsParams

    if grammar.json_schema is not None:
        return StructuredOutputsParams(json=grammar.json_schema)
    if grammar.json_object:
        return StructuredOutputsParams(json_object=True)
    return StructuredOutputsParams(regex=grammar.regex)


def _delta(output: Any, sampling: Sampling, first: bool) -> Delta:
    """Translate one RequestOutput."""
    completion = output.outputs[0]
    ids = list(completion.token_ids)
    logprobs = None
    if completion.logprobs is not None:
        logprobs = [_logprob(entry, token, sampling) for token, entry in zip(ids, completion.logprobs, strict=True)]
    delta = Delta(ids=ids, logprobs=logprobs, cached_tokens=output.num_cached_tokens if first else None)
    if completion.finish_reason is not None:
        delta.finish = _FINISHES.get(completion.finish_reason)
        if delta.finish is None:
            raise EngineError(f"the engine ended a call with {completion.finish_reason!r}")
        stop = completion.stop_reason
        delta.stop_id = stop if isinstance(stop, int) else None
        versions: Sequence[Any] = completion.weight_versions or ()
        delta.weight_version = versions[-1].version if versions else None
    return delta


def _logprob(entry: Mapping[int, Any], token: int, sampling: Sampling) -> TokenLogprob:
    """The sampled token's, and the others that were asked for, the likeliest first."""
    if sampling.logprob_ids:
        wanted = [(other, entry[other].logprob) for other in sampling.logprob_ids if other in entry]
    else:
        wanted = [(other, value.logprob) for other, value in entry.items()]
    top = sorted(wanted, key=lambda item: -item[1])[: len(sampling.logprob_ids) or sampling.logprobs or 0]
    return TokenLogprob(entry[token].logprob, tuple(top))
