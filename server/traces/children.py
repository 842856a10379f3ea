"""What belongs to some episodes, read at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import sqlalchemy as sa

from .encoding import feedback_of, trajectory_of
from .records import Feedback, TrajectoryRecord
from .schema import feedback, trajectories


def trajectories_of(connection: sa.Connection, episode_ids: Sequence[str]) -> dict[str, list[TrajectoryRecord]]:
    """Their trajectories, in order; nothing for an episode without any."""
    wanted = sa.select(trajectories).where(trajectories.c.episode_id.in_(episode_ids)).order_by(trajectories.c.index)
    found: dict[str, list[TrajectoryRecord]] = defaultdict(list)
    for row in connection.execute(wanted).mappings():
        found[row["episode_id"]].append(trajectory_of(row))
    return found


def feedback_on(connection: sa.Connection, episode_ids: Sequence[str]) -> dict[str, list[Feedback]]:
    """What was said of them, the oldest first."""
    wanted = sa.select(feedback).where(feedback.c.episode_id.in_(episode_ids))
    found: dict[str, list[Feedback]] = defaultdict(list)
    for row in connection.execute(wanted.order_by(feedback.c.created, feedback.c.by)).mappings():
        found[row["episode_id"]].append(feedback_of(row))
    return found
