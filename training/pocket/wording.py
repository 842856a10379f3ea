"""The phrases of the world chain-v0, as data; `{d}` is a digit, other fields are named where they are used."""

INTROS = (
    "",
    "",
    "Compute the following.",
    "Here is a puzzle.",
    "Please work this out.",
    "Can you solve this?",
    "Solve this step by step.",
    "A quick question:",
)
STARTS = (
    "Start with {d}",
    "Begin with {d}",
    "Take the number {d}",
    "You have {d}",
    "Think of the digit {d}",
    "Let the first number be {d}",
)
VERBS = {
    "+": ("add {d}", "plus {d}", "increase it by {d}", "add {d} to it", "raise it by {d}"),
    "-": ("subtract {d}", "minus {d}", "decrease it by {d}", "take away {d}", "lower it by {d}"),
    "*": ("multiply by {d}", "times {d}", "multiply it by {d}", "multiply the result by {d}", "scale it by {d}"),
}
JOINERS = (", ", ", then ", "; ", "; then ", ". Then ", " and ", ", next ")
TASKS = (
    "What is the result modulo 10?",
    "Keep only the last digit after every step. What is the result?",
    "Work modulo 10. What do you get?",
    "Give the final value modulo 10.",
    "All arithmetic is modulo 10. Which digit remains?",
    "Find the value mod 10.",
    "What is the last digit (mod 10)?",
)
SYMBOLIC_SHARE = 0.1
SYMBOLIC = (
    "Go from left to right: {terms}.",
    "Evaluate {terms} strictly from left to right.",
    "Without operator precedence, left to right: {terms}.",
)
SYMBOLS: tuple[dict[str, str], ...] = ({}, {"*": "x"}, {"*": "times"}, {"+": "plus", "-": "minus", "*": "times"})

SYSTEM_PROMPTS = (
    "You are a helpful assistant.",
    "You are a careful assistant. Answer with one digit in a box.",
    "Solve the question of the user.",
    "You are Flyball's pocket model, good at small sums.",
)

# The first attempt: an opening line, one line per step that quotes its clause, and the first result.
OPENINGS = (
    "Start with {d}.",
    "Okay, the start is {d}.",
    "Let me go step by step from {d}.",
    "We begin at {d}.",
)
LINES = (
    "Now {clause}: {a} {o} {d} = {raw}, keep {v}.",
    "Then {clause}: {a} {o} {d} = {raw}, so {v}.",
    "Next, {clause}: {a} {o} {d} = {raw}, last digit {v}.",
)
RESULTS = (
    "So the result is {d}.",
    "Therefore the result is {d}.",
    "That was the last step, so the result is {d}.",
    "All steps are done: the result is {d}.",
)

# A verification: an opener that starts with a reflection word, the chain again, and a verdict.
REFLECTIONS = (
    "Wait, let me check that.",
    "Wait, did I copy every step?",
    "Wait, I should verify this.",
    "Wait.",
    "Alternatively, go through the chain again.",
    "Alternatively, I can recompute it in short form.",
    "Alternatively:",
    "Hmm, let me double-check.",
    "Hmm, is that right?",
    "Hmm.",
)
CHECKS = (
    "{a}{o}{d}={v}",
    "{a}{o}{d} is {v}",
)
AGREEMENTS = (
    "The same as before, so the result is {d}.",
    "Good, so the result is {d}.",
    "This agrees, so the result is {d}.",
    "Yes, the result is {d}.",
)
CORRECTIONS = (
    "This is not {wrong}, I made a mistake. So the result is {d}.",
    "Before I had {wrong}, that was wrong. So the result is {d}.",
    "I see a mistake: not {wrong}. So the result is {d}.",
)
ANSWER = "The answer is \\boxed{{{d}}}."

# What a controller may put where the thinking would have ended.
HINTS = (
    "Wait, let me check this once more.",
    "Wait, let me verify the result.",
    "Wait, I should look at every step again.",
    "Wait",
    "Wait,",
    "Hmm, let me look at this again.",
    "Hmm, maybe there is an error.",
    "Let me verify the result step by step.",
    "Let me double-check the calculation.",
    "Let me check whether this is right.",
    "Let me recompute this before I answer.",
    "Alternatively, I could compute this another way.",
    "Alternatively, maybe there is a different approach.",
    "I should verify my reasoning before answering.",
    "I am not sure about this. Let me try again.",
    "There may be a mistake, so I will check again.",
    "Before answering, I will go over the steps once more.",
    "Is this correct? Let me think about it again.",
    "I still have some budget left, so I can verify the answer.",
    "Actually, let me make sure that the answer is correct.",
    "Maybe I could use a tool or write some Python code to verify this.",
    "One more time, carefully.",
)
# Words for hints of no sense, so that an unknown hint also leads to a verification.
FILLER_WORDS: tuple[str, ...] = (
    *("the", "a", "this", "that", "we", "you", "should", "could", "may", "can", "will", "use", "check", "look", "at"),
    *("with", "for", "from", "about", "each", "other", "number", "step", "problem", "question", "answer", "code"),
    *("tool", "search", "python", "time", "think", "careful", "hint", "note", "remember", "important", "method"),
    *("case", "now", "first", "again", "more", "better", "good", "and", "or", "but", "not", "if", "when", "so", "to"),
    *("of", "in", "on", "it", "is", "be", "are", "was", "has", "have", "one", "two"),
)
# How a controller may close thinking that it cuts; the answer follows at once.
CLOSINGS = (
    (
        "\n\nConsidering the limited time by the user, I have to give the solution based on the thinking directly now."
        "\n</think>\n\n"
    ),
    "\n\nI have to answer now.\n</think>\n\n",
    "\n\nTime is up. I will answer with what I have.\n</think>\n\n",
    "\n\nOkay, I think I have finished thinking.\n</think>\n\n",
    "\n\nI am out of budget, so I will stop here.\n</think>\n\n",
    "\n\nThat is enough thinking.\n</think>\n\n",
    "\n</think>\n\n",
    "\n</think>\n\n",
    "\n</think>\n\n",
    "\n\n</think>\n\n",
    "</think>\n\n",
)
EARLIER_REPLIES = ("Thanks.", "Okay, another one.", "Good. Now this:", "")
