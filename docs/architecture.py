"""Draws docs/architecture.png: python docs/architecture.py."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

INK, LINE = "#1f2933", "#52606d"
COLOURS = {
    "client": "#e4e7eb",
    "server": "#d3e8fb",
    "loop": "#fdeecb",
    "steer": "#fbd9c8",
    "engine": "#d6f0dc",
    "store": "#e6dcf5",
}


def box(ax: Axes, x: float, y: float, w: float, h: float, title: str, text: str, colour: str) -> None:
    ax.add_patch(
        FancyBboxPatch((x, y), w, h, boxstyle="round,pad=0.02,rounding_size=0.12", fc=COLOURS[colour], ec=LINE, lw=1.2)
    )
    ax.text(x + w / 2, y + h - 0.28, title, ha="center", va="center", fontsize=11, weight="bold", color=INK)
    ax.text(x + w / 2, y + (h - 0.4) / 2, text, ha="center", va="center", fontsize=8.6, color=INK, linespacing=1.45)


def arrow(
    ax: Axes,
    start: tuple[float, float],
    end: tuple[float, float],
    label: str,
    at: tuple[float, float],
    both: bool = False,
) -> None:
    style = "<|-|>" if both else "-|>"
    ax.add_patch(
        FancyArrowPatch(start, end, arrowstyle=style, mutation_scale=13, color=LINE, lw=1.4, shrinkA=2, shrinkB=2)
    )
    ax.text(*at, label, fontsize=8, color=LINE, ha="center", va="center", style="italic")


def draw() -> None:
    figure, ax = plt.subplots(figsize=(11.5, 6.3))
    ax.set_xlim(0, 11.5)
    ax.set_ylim(0, 6.3)
    ax.axis("off")
    box(ax, 0.2, 3.3, 1.7, 1.5, "Clients", "any OpenAI\nclient", "client")
    box(
        ax,
        2.9,
        3.0,
        2.1,
        2.1,
        "server/",
        "routes, wire types,\nkeys, admission,\nsupervisor;\ntranscript → SSE or JSON",
        "server",
    )
    box(
        ax,
        6.0,
        3.0,
        2.3,
        2.1,
        "controllers/loop",
        "scanner → boundary →\ncontrollers → edit\ncontext, commitment,\nledger, seeds",
        "loop",
    )
    box(ax, 9.3, 3.3, 2.0, 1.5, "Engine", "vllm (in process),\nopenai (remote),\nscripted (double)", "engine")
    box(ax, 5.3, 0.5, 1.75, 1.5, "Controllers", "thinking_budget\nadaptive_think\nhint_infer\n…", "steer")
    box(ax, 9.5, 0.5, 1.75, 1.5, "Strategies", "self_consistency\n…", "steer")
    box(ax, 7.4, 0.5, 1.85, 1.5, "policies/", "choose → Decision\nwith its probability", "steer")
    box(ax, 2.9, 0.5, 2.0, 1.5, "Trace store", "events, decisions;\nSQLite, PostgreSQL", "store")
    box(ax, 0.2, 0.5, 1.9, 1.5, "training/", "evaluation,\npocket models", "store")
    arrow(ax, (1.95, 4.05), (2.85, 4.05), "HTTP", (2.4, 4.22), both=True)
    arrow(ax, (5.05, 4.05), (5.95, 4.05), "episode", (5.5, 4.22), both=True)
    arrow(ax, (8.35, 4.35), (9.25, 4.35), "token ids", (8.8, 4.52))
    arrow(ax, (9.25, 3.75), (8.35, 3.75), "deltas", (8.8, 3.58))
    arrow(ax, (6.75, 2.95), (6.3, 2.05), "boundary / edit", (5.85, 2.55), both=True)
    arrow(ax, (8.0, 2.95), (9.9, 2.05), "trials", (9.35, 2.62), both=True)
    arrow(ax, (7.36, 1.25), (7.1, 1.25), "", (7.2, 1.4))
    arrow(ax, (3.95, 2.95), (3.95, 2.05), "every trajectory", (3.2, 2.52))
    arrow(ax, (2.85, 1.25), (2.15, 1.25), "traces", (2.5, 1.42))
    ax.text(0.2, 5.85, "Flyball: a governor on the engine", fontsize=14, weight="bold", color=INK)
    ax.text(
        0.2,
        5.45,
        "One request, from left to right: the loop regulates the engine while it decodes.",
        fontsize=9.5,
        color=LINE,
    )
    figure.savefig(Path(__file__).with_name("architecture.png"), dpi=130, bbox_inches="tight")


if __name__ == "__main__":
    draw()
