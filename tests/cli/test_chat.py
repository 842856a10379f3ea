"""`flyball chat` against a real server with a scripted engine."""

from click.testing import CliRunner

from flyball.cli.main import cli

from ..server.serving import serving


def test_one_question_is_answered_with_its_thinking_and_token_counts() -> None:
    with serving() as server:
        result = CliRunner().invoke(cli, ["chat", "--url", f"{server.url}/v1", "What is it?"])
        plain = server.chat("What is it?")["choices"][0]["message"]
    assert result.exit_code == 0, result.output
    assert plain["content"] in result.output
    assert plain["reasoning"].strip().splitlines()[0] in result.output
    assert "tokens:" in result.output


def test_a_conversation_goes_on_until_an_empty_line() -> None:
    with serving() as server:
        result = CliRunner().invoke(cli, ["chat", "--url", f"{server.url}/v1"], input="One?\nTwo?\n\n")
        requests = len(server.engine.requests)
    assert result.exit_code == 0, result.output
    assert requests == 2
    assert result.output.count("tokens:") == 2


def test_what_a_controller_did_is_said() -> None:
    budget = '[{"name": "thinking_budget", "tokens": 2}]'
    with serving(deltas=(8,)) as server:
        result = CliRunner().invoke(cli, ["chat", "--url", f"{server.url}/v1", "--controllers", budget, "What is it?"])
    assert "thinking_budget" in result.output
    assert "dropped" in result.output


def test_a_servers_refusal_is_shown() -> None:
    with serving() as server:
        asked = ["chat", "--url", f"{server.url}/v1", "--controllers", '[{"name": "nonsense"}]', "What is it?"]
        result = CliRunner().invoke(cli, asked)
    assert "unknown controller" in result.output


def test_a_server_that_is_not_there_is_said() -> None:
    result = CliRunner().invoke(cli, ["chat", "--url", "http://127.0.0.1:9/v1", "Anybody?"])
    assert result.exit_code == 1


def test_controllers_that_are_no_json_are_refused() -> None:
    result = CliRunner().invoke(cli, ["chat", "--controllers", "{", "What?"])
    assert result.exit_code == 2
