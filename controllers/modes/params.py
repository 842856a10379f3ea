"""The parameters of adaptive_think."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ..controller import Params
from .principles import PRINCIPLES


class AdaptiveThinkParams(Params):
    """Who decides whether, and how, the model thinks. Defaults that no source gives are ours."""

    mode: Literal[
        "think", "no_think", "model", "auto", "probe", "policy", "modes", "instant", "reasoning", "agentic"
    ] = "auto"
    """think, no_think, and instant, reasoning, agentic force it. model (or auto): the model's first token. probe: what the
    model would do, looked at beforehand. policy: a policy. modes: a model chooses one of instant, reasoning, agentic."""
    probe: Literal["first_token", "answers"] = "first_token"
    """Of mode probe. first_token: the probability of no thinking; answers: some without thinking that agree."""
    policy: Literal["rule", "uniform", "principles"] = "rule"
    """Of mode policy. rule: counts of the question; uniform: chance; principles: a model reads them (AdaCoT)."""
    threshold: float | None = Field(default=None, ge=0, le=1)
    """From where on it does not think (probe) or does (principles); None: 0.5, and 1 (all agree) for answers."""
    samples: int = Field(default=3, ge=2, le=16)
    """Answers without thinking, for probe answers."""
    answer_tokens: int = Field(default=128, ge=1, le=4096)
    """The most tokens of each of them."""
    temperature: float = Field(default=0.7, gt=0, le=2)
    """Of these answers."""
    steps: int = Field(default=5, ge=1)
    """Of policy rule: think from so many steps of calculation on."""
    words: int = Field(default=120, ge=1)
    """Of policy rule: think from so many words on."""
    model: str = "self"
    """The auxiliary model that is asked, for modes and principles; "self" is the served one."""
    principles: str = Field(default=PRINCIPLES, min_length=1, max_length=8000)
    """When a question needs thinking, in words."""
    tries: int = Field(default=3, ge=1, le=6)
    """Classifications at most (A²FM retries 6 times); then `fallback`."""
    fallback: Literal["instant", "reasoning", "agentic"] = "reasoning"
    """The mode without a classification; the first that can be when this one cannot."""
    seconds: float = Field(default=10.0, gt=0, le=600)
    """How long any question may take; without a reply it thinks, or takes the fallback."""
    explore: float = Field(default=0.0, ge=0, le=1)
    """The chance with which probe, policy and modes take any candidate alike, so that their log teaches something."""
