"""Formats by name, and by what the tokenizer shows."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from flyball.controllers.formats import FORMATS, load_format
from flyball.controllers.formats.byte_tokenizer import byte_tokenizer
from flyball.controllers.formats.detect import detect_family
from flyball.controllers.formats.registry import format_for
from flyball.core.errors import ConfigError
from flyball.training.pocket.tokenizer import save_tokenizer, train_tokenizer

QWEN = ["<|im_end|>", "<|im_start|>", "<think>", "</think>", "<tool_call>", "</tool_call>"]
DEEPSEEK = ["<think>", "</think>", "<\uff5cAssistant\uff5c>", "<\uff5cend\u2581of\u2581sentence\uff5c>"]
LLAMA = ["<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]
HARMONY = ["<|start|>", "<|end|>", "<|message|>", "<|channel|>", "<|return|>"]


@pytest.mark.parametrize(
    ("family", "tokens"),
    [
        ("pocket", QWEN),
        ("deepseek-r1", DEEPSEEK),
        ("deepseek-r1", DEEPSEEK + LLAMA),
        ("deepseek-r1", DEEPSEEK + QWEN[:2]),
        ("gpt-oss", HARMONY),
        ("llama3", LLAMA),
        ("mistral", ["[INST]", "[/INST]", "</s>"]),
    ],
)
def test_a_family_is_known_by_its_tokens(family: str, tokens: list[str]) -> None:
    tokenizer = byte_tokenizer("x", special=dict.fromkeys(tokens))
    assert detect_family(tokenizer, "some/model") == family
    assert format_for(family, tokenizer).name == family


def test_qwen3_differs_from_pocket_by_size_alone() -> None:
    many = [f"<extra_{index}>" for index in range(8200)]
    assert detect_family(byte_tokenizer("x", special=QWEN, markers=many), "some/model") == "qwen3"


def test_a_model_card_with_a_world_is_a_pocket_model(tmp_path: Path) -> None:
    many = [f"<extra_{index}>" for index in range(8200)]
    (tmp_path / "card.json").write_text(json.dumps({"world": "world-v1"}))
    assert detect_family(byte_tokenizer("x", special=QWEN, markers=many), str(tmp_path)) == "pocket"


def test_older_mistral_models_are_known_by_template_or_config(tmp_path: Path) -> None:
    assert detect_family(byte_tokenizer("[INST] ... [/INST]"), "some/model") == "mistral"
    (tmp_path / "config.json").write_text('{"model_type": "mistral"}')
    assert detect_family(byte_tokenizer("x"), str(tmp_path)) == "mistral"


def test_what_fits_no_family_is_a_configuration_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="known: gpt-oss, deepseek-r1"):
        detect_family(byte_tokenizer("x"), "some/model")
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(ConfigError, match=r"config\.json is no JSON"):
        detect_family(byte_tokenizer("x"), str(tmp_path))


def test_a_tokenizer_is_loaded_from_a_directory(tmp_path: Path) -> None:
    save_tokenizer(train_tokenizer(["a b c"]), tmp_path)
    assert load_format("auto", str(tmp_path)).name == "pocket"
    assert load_format("qwen3", "some/model", tokenizer_name=str(tmp_path)).name == "qwen3"
    own = "flyball.controllers.formats.qwen3:Qwen3Format"
    assert load_format(own, str(tmp_path)).name == "qwen3"


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="unknown chat format 'qwen9'; known: auto, pocket, qwen3, deepseek-r1"):
        load_format("qwen9", "some/model")


@pytest.mark.parametrize("name", ["no.such.module:Format", "flyball.controllers.formats.qwen3:NoFormat"])
def test_a_path_that_leads_nowhere_is_a_configuration_error(name: str) -> None:
    with pytest.raises(ConfigError, match="cannot be imported"):
        format_for(name, byte_tokenizer("x"))


def test_a_directory_without_a_tokenizer_is_a_configuration_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no tokenizer could be loaded"):
        load_format("auto", str(tmp_path))


def test_a_tokenizer_without_a_template_is_a_configuration_error(tmp_path: Path) -> None:
    save_tokenizer(train_tokenizer(["a b c"]), tmp_path)
    (tmp_path / "chat_template.jinja").unlink()
    with pytest.raises(ConfigError, match="has no chat template"):
        load_format("auto", str(tmp_path))


def test_every_named_format_exists() -> None:
    for path in FORMATS.values():
        with pytest.raises(ConfigError, match=r"as one token|ends turns"):
            format_for(path.replace(".", "flyball.controllers.formats.", 1), byte_tokenizer("x"))


def test_importing_the_formats_does_not_import_transformers() -> None:
    code = "import sys, flyball.controllers.formats; print('transformers' in sys.modules, 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ["False", "False"]
