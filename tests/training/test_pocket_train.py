"""Training: interrupted runs, what the loss is taken on, the learning rate, batches, and the folder that is written."""

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoTokenizer, Qwen3ForCausalLM

from flyball.training.pocket.card import world_sha256, write_folder
from flyball.training.pocket.examples import Encoded, batches
from flyball.training.pocket.model import Shape, build_model
from flyball.training.pocket.reasoner.behaviour import Behaviour
from flyball.training.pocket.reasoner.curriculum import Curriculum, Mixture, Phase
from flyball.training.pocket.reasoner.writer import Writer as ReasonerWriter
from flyball.training.pocket.recipe import RECIPES, ROLES, Growth, Recipe, Role
from flyball.training.pocket.train import batch_loss, grow, rate, source, start, train, validation_loss
from flyball.training.pocket.verifier.writer import Writer
from flyball.training.pocket.vocabulary import learn_tokenizer
from flyball.training.pocket.world.question import VERSION

TINY = Recipe(
    "verifier",
    Shape(layers=1, width=32, heads=1),
    schedule=((0, 0.05), (1000, 1.0), (1200, 1.0), (3000, 0.0)),
    batch_tokens=1000,
    vocabulary_examples=100,
    save_every=1,
    compiled=False,
)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Batches this small only wait for a second thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


class Interrupted(Exception):
    """Stands for whatever ends a run early."""


@pytest.mark.parametrize("role", ROLES)
def test_a_resumed_run_equals_an_unbroken_one(tmp_path: Path, role: Role) -> None:
    recipe = replace(TINY, role=role, curriculum=Curriculum(pools_per_step=1))
    _, whole = train(recipe, tmp_path / "whole")

    def stop(tokens: int, loss: float) -> None:
        if tokens > 1500:
            raise Interrupted

    with pytest.raises(Interrupted):
        train(recipe, tmp_path / "broken", stop)
    _, resumed = train(recipe, tmp_path / "broken")
    assert resumed.losses == whole.losses
    assert len(whole.losses) == whole.step > 2
    pairs = zip(whole.model.parameters(), resumed.model.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("broken_at", [1000, 2000])
def test_a_run_broken_off_before_or_after_its_growth_equals_an_unbroken_one(tmp_path: Path, broken_at: int) -> None:
    recipe = replace(TINY, growth=Growth(tokens=1500, after=1, layers=2))
    _, whole = train(recipe, tmp_path / "whole")
    assert whole.model.config.num_hidden_layers == 3

    def stop(tokens: int, loss: float) -> None:
        if tokens > broken_at:
            raise Interrupted

    with pytest.raises(Interrupted):
        train(recipe, tmp_path / "broken", stop)
    _, resumed = train(recipe, tmp_path / "broken")
    assert resumed.losses == whole.losses


def test_a_grown_network_computes_the_same_and_can_learn_in_every_layer() -> None:
    recipe = replace(TINY, shape=Shape(layers=2, width=32, heads=1), growth=Growth(tokens=1, after=1, layers=2))
    tokenizer, state = start(recipe)
    ids = torch.tensor([[5, 6, 7, 8]])
    before = state.model(input_ids=ids).logits
    model = grow(recipe, tokenizer, state).model
    assert torch.equal(model(input_ids=ids).logits, before)
    model(input_ids=ids).logits.square().sum().backward()
    outputs = [layer.mlp.down_proj.weight.grad for layer in model.model.layers]
    assert len(outputs) == 4
    assert all(grad is not None and bool(grad.any()) for grad in outputs)


def test_known_values_are_learned_behind_the_middle_layers_only_when_asked() -> None:
    recipe = replace(TINY, shape=Shape(layers=3, width=32, heads=1))
    _, state = start(recipe)
    plain = Encoded([5, 6, 7, 8], [False, False, False, True])
    knowing = replace(plain, known=((1, 42, 0), (0, 43, 1)))
    model, body = state.model, state.model.model
    with torch.no_grad():
        expected = float(batch_loss(model, body, [plain]))
        assert float(batch_loss(model, body, [knowing])) == expected
        assert float(batch_loss(model, body, [plain], middle=2)) == expected
        state_BTD = body(input_ids=torch.tensor([[5, 6]]), output_hidden_states=True).hidden_states[2]
        value = -model.lm_head(body.norm(state_BTD))[0, 1].log_softmax(-1)[42]
        above = -model(input_ids=torch.tensor([[5, 6]])).logits[0, 0].log_softmax(-1)[43]
        taught = float(batch_loss(model, body, [knowing], middle=2))
        assert taught == pytest.approx(expected + float(value) + float(above), abs=0.1)


def test_a_finished_run_is_not_trained_further(tmp_path: Path) -> None:
    _, first = train(TINY, tmp_path)
    _, again = train(TINY, tmp_path)
    assert (again.step, again.tokens, again.losses) == (first.step, first.tokens, first.losses)


def test_a_checkpoint_of_other_settings_is_not_resumed(tmp_path: Path) -> None:
    _, first = train(TINY, tmp_path)
    _, second = train(replace(TINY, seed=1), tmp_path)
    assert first.losses != second.losses
    assert len(second.losses) == second.step


def test_every_setting_is_part_of_the_recipe_s_hash() -> None:
    changed = [replace(TINY, role="reasoner"), replace(TINY, seed=1), replace(TINY, clip=2.0)]
    changed += [replace(TINY, shape=Shape(2, 32, 1)), replace(TINY, reading_pools=1)]
    changed += [replace(TINY, growth=Growth(1, 1, 1)), replace(TINY, middle_layers=1), replace(TINY, natural_pools=1)]
    for phase in (Phase(behaviour=Behaviour(slip=0.5)), Phase(mixture=Mixture(declared=0.5)), Phase(first_pool=1)):
        changed += [replace(TINY, curriculum=Curriculum((Phase(), phase)))]
    assert len({recipe.sha256() for recipe in (TINY, *changed)}) == len(changed) + 1
    assert replace(TINY).sha256() == TINY.sha256()


def test_text_that_is_not_learned_and_padding_leave_the_loss_alone() -> None:
    _, state = start(TINY)
    short = Encoded([5, 6, 7, 8], [False, False, True, True])
    others = [Encoded([5, 6, 7, 8, 9, 10, 11], [False] * 7), Encoded([99] * 7, [False] * 7)]
    with torch.no_grad():
        alone = batch_loss(state.model, state.model.model, [short])
        first, second = (batch_loss(state.model, state.model.model, [short, other]) for other in others)
    assert torch.equal(first, second)
    assert torch.allclose(alone, first, atol=0.02)  # bfloat16 multiplies another shape in another order


def test_a_learned_token_is_predicted_from_those_before_it() -> None:
    _, state = start(TINY)
    examples = [Encoded([5, 6, 7, last], [False, False, False, True]) for last in (8, 9)]
    with torch.no_grad():
        logits_V = state.model(input_ids=torch.tensor([[5, 6, 7]])).logits[0, -1].log_softmax(-1)
        losses = [batch_loss(state.model, state.model.model, [example]) for example in examples]
    assert losses[0] - losses[1] == pytest.approx(float(logits_V[9] - logits_V[8]), abs=0.05)


def test_every_parameter_has_one_optimizer() -> None:
    _, state = start(TINY)
    held = [id(p) for optimizer in state.optimizers for group in optimizer.param_groups for p in group["params"]]
    assert sorted(held) == sorted(id(p) for p in state.model.parameters())


def test_the_learning_rate_is_linear_between_the_points_of_the_schedule() -> None:
    recipe = replace(TINY, schedule=((0, 0.1), (100, 1.0), (500, 1.0), (1000, 0.0)), learning_rate=2.0)
    assert [rate(recipe, place) for place in (0, 50, 100, 300, 750)] == pytest.approx([0.2, 1.1, 2.0, 2.0, 1.0])
    assert rate(recipe, 1000) == rate(recipe, 2000) == 0.0


def test_a_shortened_recipe_keeps_the_form_of_its_schedule() -> None:
    short = RECIPES["reasoner"].shortened(100_000)
    assert short.tokens == 100_000
    shares = [rate(RECIPES["reasoner"], place * RECIPES["reasoner"].tokens // 10) for place in range(11)]
    assert [rate(short, place * 10_000) for place in range(11)] == pytest.approx(shares, rel=0.02)


def test_batches_are_reproducible_and_keep_their_size() -> None:
    tokenizer, _ = start(TINY)
    first, second = (list(islice(batches(Writer(tokenizer, "train"), "0", 1000, pool=64), 20)) for _ in range(2))
    assert first == second
    assert all(len(b) == 1 or len(b) * max(len(e.tokens_T) for e in b) <= 1000 for b in first)
    assert first != list(islice(batches(Writer(tokenizer, "train"), "1", 1000, pool=64), 20))


def test_chains_grow_longer_pool_by_pool_and_a_phase_begins_with_its_pool() -> None:
    tokenizer, _ = start(TINY)
    curriculum = Curriculum((Phase(), Phase(3, Mixture(declared=0.5))), pools_per_step=2)
    writer = ReasonerWriter(tokenizer, "train", curriculum)
    seen = [(writer.most_steps, writer.mixture.declared) for _ in islice(batches(writer, "0", 100_000, pool=4), 30)]
    assert seen[:6] == [(2, 0.12), (2, 0.12), (3, 0.12), (3, 0.5), (4, 0.5), (4, 0.5)]
    assert seen[-1] == (12, 0.5)


@pytest.mark.parametrize("role", ROLES)
def test_the_split_of_validation_has_examples_of_its_own(role: Role) -> None:
    recipe = replace(TINY, role=role)
    tokenizer, _ = start(recipe)
    own, other = (
        list(islice(batches(source(recipe, tokenizer, s), "0", 1000, 64), 9)) for s in ("train", "validation")
    )
    assert own != other


def test_the_written_folder_loads_everywhere_and_its_card_says_what_was_trained(tmp_path: Path) -> None:
    tokenizer, state = train(TINY, tmp_path / "unfinished")
    card = write_folder(tmp_path / "model", TINY, tokenizer, state)
    assert json.loads(json.dumps(card)) == json.loads((tmp_path / "model" / "card.json").read_text(encoding="utf-8"))
    assert (card["world"], card["world_sha256"], card["role"]) == (VERSION, world_sha256(), "verifier")
    assert (card["steps"], card["tokens"], card["recipe_sha256"]) == (state.step, state.tokens, TINY.sha256())
    assert card["validation_loss"] == round(validation_loss(TINY, tokenizer, state.model), 4)
    weights = load_file(tmp_path / "model" / "model.safetensors")
    assert {weight.dtype for weight in weights.values()} == {torch.bfloat16}
    assert Qwen3ForCausalLM.from_pretrained(tmp_path / "model").num_parameters() == card["parameters"]
    text = "<|im_start|>user\nIs 4 a result?<|im_end|>\n"
    assert AutoTokenizer.from_pretrained(tmp_path / "model")(text)["input_ids"] == tokenizer.encode(text).ids


def test_the_models_of_the_recipes_fit_into_twelve_megabytes() -> None:
    tokenizer = learn_tokenizer(50, 0)
    parameters = sum(build_model(tokenizer, recipe.shape, 0).num_parameters() for recipe in RECIPES.values())
    assert 2 * parameters < 12_000_000


def test_what_a_model_is_measured_on_is_its_last_phase_with_chains_of_every_length() -> None:
    late = Phase(3, Mixture(declared=0.5), Behaviour(slip=0.5))
    final = Curriculum((Phase(), late), pools_per_step=2).final()
    assert (final.phase(0).mixture, final.phase(0).behaviour) == (late.mixture, late.behaviour)
    assert final.most_steps(0) == 12
