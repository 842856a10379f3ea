"""Ask a served model twice: with all its thinking, and with at most 40 tokens of it. Run `make serve` first."""

from openai import OpenAI

client = OpenAI(base_url="http://127.0.0.1:8000/v1", api_key="any")
question = "Start with 7, add 5, then multiply by 3, modulo 10. What is the result?"

for controllers in ([], [{"name": "thinking_budget", "tokens": 40, "closing": "I have to answer now."}]):
    answer = client.chat.completions.create(
        model="pocket",
        messages=[{"role": "user", "content": question}],
        temperature=0,
        extra_body={"flyball": {"controllers": controllers}},
    )
    print(answer.choices[0].message.content, (answer.model_extra or {})["flyball"]["tokens"])
