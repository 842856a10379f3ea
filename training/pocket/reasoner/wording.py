"""The phrases of the reasoner's turns, as data; `{d}` is a value, other fields are named where they are used."""

SYSTEM_PROMPTS = (
    "You are a helpful assistant.",
    "You are a careful assistant. Put the answer in a box.",
    "Solve the question of the user.",
    "You are Flyball's pocket model, good at small sums.",
)
EARLIER_REPLIES = ("Thanks.", "Okay, another one.", "Good. Now this:", "")
ANSWER = "The answer is \\boxed{{{d}}}."

# The first attempt at a chain: an opening, one line per step that quotes its clause, and the first result.
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
# Arithmetic with long numbers by hand.
BY_HAND = (
    "Let me do this by hand.",
    "I will multiply and add by hand.",
    "Okay, long numbers. Digit by digit.",
    "I can try this in my head.",
)
# A question about documents that cannot be searched.
BLIND = (
    "I would have to look this up, and I have nothing to search with. So the result is {d}.",
    "This is a fact that I do not know. So the result is {d}.",
    "Nobody told me this. I cannot know it, so the result is {d}.",
)
STILL_BLIND = (
    "I still do not know this. So the result is {d}.",
    "No, I cannot find this by thinking. So the result is {d}.",
)

# A verification: an opener that starts with a reflection word, then the check, then a verdict.
REFLECTIONS = (
    "Wait, let me check that.",
    "Wait, did I copy every step?",
    "Wait, I should verify this.",
    "Wait, is this right?",
    "Wait.",
    "Alternatively, go through it again.",
    "Alternatively, I can recompute it in short form.",
    "Alternatively:",
    "Hmm, let me double-check.",
    "Hmm, is that right?",
    "Hmm, I want to be sure.",
    "Hmm.",
    "Let me double-check.",
    "Let me double-check this once more.",
)
CHECKS = ("{a}{o}{d}={v}", "{a}{o}{d} is {v}")
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
BRIEF = (
    "I followed every step. The result is {d}.",
    "Nothing is left out. The result is {d}.",
    "It looks right. The result is {d}.",
    "I read the question again: yes, the result is {d}.",
    "The order is right too. The result is {d}.",
    "Okay, the result is {d}.",
)

# What a controller may put where the thinking would have ended, at its start, or after a reflection word.
VERIFY_HINTS = (
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
    "One more time, carefully.",
    "Do I really know this? Let me think where it comes from.",
    "Perhaps I should test the special cases first.",
)
PYTHON_HINTS = (
    "Wait, I could use Python for this.",
    "Wait, Python can check this.",
    "Let me use Python to verify this.",
    "I can compute this with Python.",
    "Maybe I should write some Python code.",
    "Hmm, a short Python program would settle this.",
    "This is tedious, let me use Python instead.",
    "Alternatively, I can run this in Python.",
    "Let me run Python code to be sure of the numbers.",
    "Such numbers are error-prone. Python is better at them.",
    "Actually, using Python would be safer here.",
    "Let me write a program in Python and run it.",
    "Why not compute it by Python code?",
    "It would be easier to let Python do this calculation.",
)
PYTHON_OPENINGS = (
    "Okay, let me solve this with Python code.",
    "Let me try to solve this step by step with Python code calls.",
    "I will use Python for the calculations.",
    "First, I write a Python program.",
)
PYTHON_MIDDLES = (
    ", maybe I can use Python here.",
    ", I could write Python code for this.",
    ", let me compute this with Python.",
    " - Python could do that for me.",
    ", a Python program is a good way to check.",
)
VERIFY_MIDDLES = (
    ", maybe I made a mistake.",
    ", let me look at that again.",
    ", I should check it in another way.",
    ", is there another approach?",
)
SEARCH_HINTS = (
    "Wait, I could search for this.",
    "Let me search for more sources.",
    "Maybe the documents say more. I can search again.",
    "I should look this up with the search tool.",
    "Wait, there is search budget left, so I can look at other sources.",
    "Alternatively, a search may help.",
    "Let me use the search tool to be sure.",
)
TRUST_HINTS = (
    "Python does not make mistakes in arithmetic, no need to doubt it.",
    "There is no need to check Python's calculation.",
    "The program's result can be trusted.",
    "I do not need to doubt a number that Python computed.",
)
# Words for hints of no sense, so that an unknown hint also leads to a verification.
FILLER_WORDS: tuple[str, ...] = (
    *("the", "a", "this", "that", "we", "you", "should", "could", "may", "can", "will", "use", "check", "look", "at"),
    *("with", "for", "from", "about", "each", "other", "number", "step", "problem", "question", "answer"),
    *("time", "think", "careful", "hint", "note", "remember", "important", "method", "example", "edge", "input"),
    *("case", "now", "first", "again", "more", "better", "good", "and", "or", "but", "not", "if", "when", "so", "to"),
    *("of", "in", "on", "it", "is", "be", "are", "was", "has", "have", "one", "two", "compare", "follows", "know"),
)

# Python: what the model says before the code, after an output, and where Python is of no use.
PYTHON_LEADS = (
    "I write it in Python.",
    "Okay, in Python:",
    "Let me run it.",
    "A short program:",
    "",
)
SELF_STARTS = (
    "The numbers are long, I can compute this with code.",
    "This is easier with a program.",
)
READINGS = (
    "Python gives {d}. So the result is {d}.",
    "The output is {d}, so the result is {d}.",
    "The program says {d}. Therefore the result is {d}.",
)
FAILURES = (
    "The call failed. I will try again.",
    "That was an error, so once more.",
    "No result. I repeat the call.",
)
REPAIRS = (
    "There is an error in my code. I write it again.",
    "A mistake in the code, let me correct it.",
    "The code was wrong. Again:",
)
NO_OUTPUT = (
    "No output came back, so nothing runs my code here. I go on by hand.",
    "There is no output. I have to do without.",
)
USELESS_PYTHON = (
    "Python does not know such facts. The result is {d}.",
    "A program does not help here. So the result is {d}.",
)
USELESS_SEARCH = (
    "No document says more about this. The result is {d}.",
    "A search does not help here. So the result is {d}.",
)
ERRORS = (
    "Error: timeout",
    "Error: the tool did not answer in time",
    "Error: connection lost, try again",
    "TimeoutError: the call took too long",
    "Error: busy",
)

# Lookups: before a search, after a passage was read, and what follows.
SEARCH_LEADS = (
    "I do not know this, so I search for {query}.",
    "I have to look up {query}.",
    "Let me search: {query}.",
    "The documents should say it. I look for {query}.",
)
FOUND = (
    "The passage on {name} says {d}. So the result is {d}.",
    "I read about {name}: {d}. Therefore the result is {d}.",
    "For {name} it is {d}, so the result is {d}.",
)
FOUND_PART = (
    "The passage on {name} says {d}.",
    "I read about {name}: {d}.",
    "For {name} it is {d}.",
)
SOURCE_CHECKS = (
    "The passage on {name} says {d}. Yes, the result is {d}.",
    "It is really {name}, not a similar name: {d}. The result is {d}.",
)
NOT_FOUND = (
    "The passages do not say it. I search again: {query}.",
    "This is about others. Another try: {query}.",
)
GIVE_UP = (
    "The passages do not say it. So the result is {d}.",
    "I cannot find it. So the result is {d}.",
)
NO_BUDGET = (
    "There is no budget left, I answer with what I have. So the result is {d}.",
    "I cannot call the tool any more. So the result is {d}.",
    "The budget is used up. So the result is {d}.",
)
SPARE_BUDGET = (
    "There is budget left, so I verify this with another call.",
    "I can afford one more call to check this.",
)
POLICIES = (
    "Mind the budget of each tool: with much left you may verify, with none left you answer.",
    "Every tool call costs budget. When it is used up, answer with what you have.",
    "Use the tools within their budgets.",
)
BUDGET_ENDINGS = ("\nMake the best use of the available resources.", "\nUse them well.", "")

# How a controller may close thinking that it cuts. What follows decides the form of the answer.
CLOSINGS = (
    "\n\nThe user has little time, so I give the solution that I have up to here.\n</think>\n\n",
    "\n\nI have to answer now.\n</think>\n\n",
    "\n\nTime is up. I will answer with what I have.\n</think>\n\n",
    "\n\nI am done with my thoughts.\n</think>\n\n",
    "\n\nI am out of budget, so I will stop here.\n</think>\n\n",
    "\n\nThat is enough thinking.\n</think>\n\n",
    "\n\nThis was checked often enough.\n</think>\n\n**Final Answer**\n",
    "\n\nI have been at this for long, so here is my best answer.\n</think>\n\n",
    "\n\nThe answer is clear.\n</think>\n\nFinal answer: ",
    "\n</think>\n\n",
    "\n</think>\n\n",
    "\n</think>\n\n",
    "\n</think>\n\n**Final Answer**\n",
    "\n\n</think>\n\n",
    "</think>\n\n",
)
# A question for the answer in the middle of thinking; what the model says next is read, and thrown away.
PROBES = (
    "\n**Solution**\n\\boxed{",
    "\n**Answer**\n\\boxed",
    "\n\nThe answer is \\boxed{",
    "\n\nI have got it. **Answer**\n\n\\[ \\boxed{",
    "\n\n**Result:** \\boxed{",
    " Oh, now I see it. **Solution**\n\n\\[ \\boxed{",
    "\n</think>\n\nThe answer is \\boxed{",
)
