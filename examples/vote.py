"""Sample until answers agree: the strategy self_consistency, through the plain OpenAI client. Run `make serve` first."""

from openai import OpenAI

client = OpenAI(base_url="http://127.0.0.1:8000/v1", api_key="any")
answer = client.chat.completions.create(
    model="pocket",
    messages=[
        {
            "role": "user",
            "content": "Start with 3, multiply by 7, subtract 4, then add 9, modulo 10. What is the result?",
        }
    ],
    temperature=0.8,
    extra_body={"flyball": {"strategy": {"name": "self_consistency", "n": 9, "window": 3}}},
)
report = (answer.model_extra or {})["flyball"]
print(answer.choices[0].message.content)
print(report["trajectories"], "samples;", report["notes"])
