"""The `openai` engine against a real vLLM server that serves the packaged pocket model."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from tokenizers import Tokenizer

from flyball.core.engine import Delta, EngineRequest, Grammar, Sampling
from flyball.core.errors import RequestError
from flyball.data import REASONER
from flyball.server.engines.openai import OpenAIEngine, RemoteConfig

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(300)]

MODEL = REASONER
PROMPT = "<|im_start|>user\nHow far is it?<|im_end|>\n<|im_start|>assistant\n"
START_S = 240
ENVIRONMENT = {"VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_CPU_OMP_THREADS_BIND": "nobind", "OMP_NUM_THREADS": "1"}
"""One thread for the model: with one per core, vLLM's own HTTP process waits behind them on a small machine."""
FLAGS = "--enforce-eager --enable-prompt-tokens-details --scheduling-policy priority --served-model-name pocket"


def encode(text: str) -> list[int]:
    return list(_tokenizer().encode(text, add_special_tokens=False).ids)


def decode(ids: Sequence[int]) -> str:
    return str(_tokenizer().decode(list(ids), skip_special_tokens=False))


def _tokenizer() -> Tokenizer:
    return Tokenizer.from_file(str(MODEL / "tokenizer.json"))


@asynccontextmanager
async def vllm_server() -> AsyncIterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "vllm.entrypoints.launchers.api_server.entry", "--model", str(MODEL)),
        *("--host", "127.0.0.1", "--port", str(port), *FLAGS.split()),
        env={**os.environ, **ENVIRONMENT},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        limit=1 << 20,
        start_new_session=True,
    )
    assert process.stdout is not None
    log: list[str] = []
    try:
        async with asyncio.timeout(START_S):
            while "Application startup complete" not in (log[-1] if log else ""):
                line = await process.stdout.readline()
                assert line, "vLLM ended while it started:\n" + "".join(log[-50:])
                log.append(line.decode("utf-8", "replace"))
            await _listening(port)
        rest = asyncio.create_task(process.stdout.read())
        yield f"http://127.0.0.1:{port}"
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                async with asyncio.timeout(30):
                    await process.wait()
            except TimeoutError:
                os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
    await rest


async def _listening(port: int) -> None:
    """The server says that it has started a moment before it listens."""
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except ConnectionRefusedError:
            await asyncio.sleep(0)
        else:
            writer.close()
            return


@pytest.fixture(scope="module")
async def url() -> AsyncIterator[str]:
    async with vllm_server() as address:
        yield address


@pytest.fixture(scope="module")
async def engine(url: str) -> AsyncIterator[OpenAIEngine]:
    engine = OpenAIEngine(RemoteConfig(urls=(url,), priority=True), encode, decode)
    await engine.start()
    yield engine
    await engine.close()


async def run(engine: OpenAIEngine, ids: list[int], priority: int = 0, **sampling: Any) -> list[Delta]:
    chosen = Sampling(**{"max_tokens": 24, "temperature": 0.0, "ignore_eos": True, **sampling})
    request = EngineRequest(request_id=os.urandom(8).hex(), ids=ids, sampling=chosen, priority=priority)
    async with asyncio.timeout(60):
        return [delta async for delta in engine.generate(request)]


def ids_of(deltas: list[Delta]) -> list[int]:
    return [token for delta in deltas for token in delta.ids]


async def metric(client: httpx.AsyncClient, name: str) -> float:
    """The sum over a metric's labels; `name` is the beginning of its lines."""
    lines = (await client.get("/metrics")).text.splitlines()
    values = [float(line.split()[-1]) for line in lines if line.startswith(name)]
    assert values, f"vLLM no longer reports {name}"
    return sum(values)


async def test_the_probe_finds_all_that_vllm_can_do(engine: OpenAIEngine) -> None:
    found = engine.abilities
    assert found.exact_ids and found.grammar and found.logprob_ids and found.priority
    assert found.max_logprobs == 20 and found.context_length == 2048 and not found.losses


async def test_greedy_ids_are_the_same_in_a_second_run(engine: OpenAIEngine) -> None:
    first, second = [ids_of(await run(engine, encode(PROMPT))) for _ in range(2)]
    assert first == second and len(first) == 24


async def test_sampled_ids_put_back_as_a_prompt_continue_exactly(engine: OpenAIEngine) -> None:
    prompt = encode(PROMPT)
    whole = ids_of(await run(engine, prompt))
    assert ids_of(await run(engine, prompt + whole[:10], max_tokens=14)) == whole[10:]


async def test_ids_whose_text_reads_back_as_other_ids_come_back_as_they_are(engine: OpenAIEngine) -> None:
    split = [token for character in "answer" for token in encode(character)]
    assert encode("answer") != split
    biased = {split[0]: 100.0}
    found = ids_of(await run(engine, split, max_tokens=4, logit_bias=biased))
    assert found == [split[0]] * 4


async def test_the_call_ends_by_length_and_counts_every_token(engine: OpenAIEngine) -> None:
    found = await run(engine, encode(PROMPT), max_tokens=7)
    assert found[-1].finish == "length" and found[-1].stop_id is None and len(ids_of(found)) == 7


async def test_a_stop_id_ends_the_call_and_is_named(engine: OpenAIEngine) -> None:
    free = ids_of(await run(engine, encode(PROMPT)))
    stop = free[5]
    found = await run(engine, encode(PROMPT), stop_ids=(stop,))
    assert found[-1].finish == "stop" and found[-1].stop_id == stop
    assert ids_of(found) == free[: free.index(stop) + 1]


async def test_the_end_of_sequence_token_is_among_the_ids_and_no_stop_id(engine: OpenAIEngine) -> None:
    end = encode("<|im_end|>")
    found = await run(engine, encode(PROMPT), ignore_eos=False, logit_bias={end[0]: 100.0})
    assert ids_of(found) == end and found[-1].finish == "stop" and found[-1].stop_id is None


async def test_greedy_tokens_are_the_likeliest_and_their_logprobs_agree(engine: OpenAIEngine) -> None:
    found = await run(engine, encode(PROMPT), logprobs=3)
    entries = [entry for delta in found for entry in delta.logprobs or []]
    assert len(entries) == 24
    for token, entry in zip(ids_of(found), entries, strict=True):
        assert len(entry.top) == 3 and entry.top[0] == (token, entry.logprob)
        assert entry.logprob <= 0 and [value for _, value in entry.top] == sorted(
            (v for _, v in entry.top), reverse=True
        )


async def test_chosen_tokens_have_the_logprobs_that_the_likeliest_list_gives_them(engine: OpenAIEngine) -> None:
    likeliest = (await run(engine, encode(PROMPT), max_tokens=1, logprobs=5))[-1].logprobs
    assert likeliest is not None
    wanted = tuple(sorted(token for token, _ in likeliest[0].top[1:4]))
    chosen = (await run(engine, encode(PROMPT), max_tokens=1, logprob_ids=wanted))[-1].logprobs
    assert chosen is not None and dict(chosen[0].top) == pytest.approx(dict(likeliest[0].top[1:4]), abs=1e-4)


async def test_a_seed_repeats_a_sample(engine: OpenAIEngine) -> None:
    first, second = [ids_of(await run(engine, encode(PROMPT), temperature=1.0, seed=7)) for _ in range(2)]
    assert first == second


async def test_a_grammar_binds_the_text(engine: OpenAIEngine) -> None:
    found = await run(engine, encode(PROMPT), grammar=Grammar(regex="[0-9]{4}"), ignore_eos=False)
    text, _, _ = decode(ids_of(found)).partition("<|")
    assert len(text) == 4 and text.isdigit() and found[-1].finish == "stop"


async def test_a_prefix_seen_before_is_reported_as_cached(engine: OpenAIEngine) -> None:
    prompt = encode(PROMPT) * 30
    await run(engine, prompt, max_tokens=1)
    again = await run(engine, prompt, max_tokens=1)
    assert again[-1].cached_tokens is not None and again[-1].cached_tokens >= 128


async def test_closing_calls_makes_vllm_abort_them(engine: OpenAIEngine, url: str) -> None:
    sampling = Sampling(max_tokens=1900, ignore_eos=True)
    requests = [EngineRequest(request_id=f"close-{i}", ids=encode(PROMPT), sampling=sampling) for i in range(48)]
    streams = [engine.generate(request) for request in requests]
    async with asyncio.timeout(120), httpx.AsyncClient(base_url=url) as client:
        before = await metric(client, "vllm:generation_tokens_total")
        await asyncio.gather(*map(anext, streams))
        assert await engine.running() == 48
        for stream in streams:
            await stream.aclose()
        assert await engine.running() == 0
        while await metric(client, "vllm:num_requests_running"):
            pass
        assert await metric(client, "vllm:generation_tokens_total") - before < 48 * 1900


async def test_a_prompt_longer_than_the_context_is_the_requests_fault(engine: OpenAIEngine) -> None:
    with pytest.raises(RequestError, match="2048"):
        await run(engine, encode(PROMPT)[:1] * 2100)


@pytest.mark.parametrize("wrong", [{"logprobs": 50}, {"temperature": -1.0}, {"logit_bias": {99_999: 1.0}}])
async def test_a_parameter_that_vllm_refuses_is_named(engine: OpenAIEngine, wrong: dict[str, Any]) -> None:
    with pytest.raises(RequestError) as caught:
        await run(engine, encode(PROMPT), **wrong)
    assert caught.value.param == next(iter(wrong))
    assert engine.alive


async def test_a_raised_priority_is_accepted(engine: OpenAIEngine) -> None:
    assert len(ids_of(await run(engine, encode(PROMPT), priority=-1))) == 24


async def test_many_calls_at_once_give_the_ids_of_one(engine: OpenAIEngine) -> None:
    alone = ids_of(await run(engine, encode(PROMPT), seed=3, temperature=0.7))
    together = await asyncio.gather(*(run(engine, encode(PROMPT), max_tokens=24) for _ in range(16)))
    assert {len(ids_of(found)) for found in together} == {len(alone)} == {24}
    assert await engine.running() == 0
