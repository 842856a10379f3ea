"""What BATS's models are told, in our words; short forms are for small models."""

from __future__ import annotations

PLANNING = """\
Before you act, sort the clues of the question. Exploration clues are broad: search for them first, one or two at once, to \
find candidates. Verification clues are narrow: check them only once there are candidates, never first.
Keep a plan as a checklist with numbered branches (1, 1.1, 1.2): [ ] pending, [x] done, [!] failed, [~] in part. Behind \
each step that was carried out write what it cost, such as (Query=2, URL=1). Never delete such a step. Revise the plan with \
the remaining budget in view. Give your final answer between <answer> and </answer>."""
GOING_ON = "An earlier part of this work, in short:\n{summary}\nGo on from there."
VERIFYING = """\
Question: {question}
Trajectory:
{trajectory}
Answer: {answer}
{budget}
Check the answer against every constraint of the question: satisfied, contradicted or unverifiable. Then decide.
SUCCESS: every constraint is satisfied. CONTINUE: few are unverifiable, the path is sound and the budget suffices. PIVOT: a \
dead end, repeated failures, or too little budget for this path.
Sum up the trajectory; for CONTINUE and PIVOT with what went wrong, what is useful, and which step to resume.
Reply with JSON and nothing else: {{"verification": "", "decision": "SUCCESS|CONTINUE|PIVOT", "justification": "", \
"trajectory_summary": "", "details": {{}}}}"""
VERIFYING_SHORT = (
    "Question: {question}\nTrajectory: {trajectory}\nAnswer: {answer}\n{budget}\nReply SUCCESS, CONTINUE or PIVOT."
)
"""As the pocket models were taught it."""
AGAIN = "That is not what was asked for. Reply with the JSON object alone, its decision SUCCESS, CONTINUE or PIVOT."
AGAIN_SHORT = "Reply SUCCESS, CONTINUE or PIVOT."
JUDGING = """\
Question: {question}
Answers that were proposed, each with what a verifier found:
{candidates}
Choose the answer that is most likely right. Reply with its letter as \\boxed{{letter}}."""
