"""The phrases of the verifier's examples, as data. The first prompt of each kind is the one to use."""

EXISTENCE = (
    (
        "Question: {question}\nPassage: {passage}\n"
        "Does the passage reach a definite final result for the question? Reply Yes or No."
    ),
    "Passage: {passage}\nDoes this passage state a final result? Reply Yes or No.",
    "Question: {question}\nThoughts: {passage}\nIs there a definite result in these thoughts? Reply Yes or No.",
    "{question}\n\n{passage}\n\nDoes the text above conclude with an answer? Reply Yes or No.",
)
EQUIVALENCE = (
    "Question: {question}\nResult A: {a}\nResult B: {b}\nDo A and B give the same final result? Reply Yes or No.",
    "A: {a}\nB: {b}\nAre the results of A and B the same? Reply Yes or No.",
    "Question: {question}\nFirst: {a}\nSecond: {b}\nDo both give the same result? Reply Yes or No.",
    "{question}\n\n{a}\n\n{b}\n\nDo the two passages agree in their result? Reply Yes or No.",
)
OTHER_RESULTS = (
    "The final value is {d}.",
    "Hence {d} is the answer.",
    "Answer: {d}.",
    "This gives {d} in the end.",
    "I get {d}.",
    "So the answer is {d}.",
    "\\boxed{{{d}}}",
    "Thus we have {d} as the final result.",
)
BEFORE_READING = (
    "I have the passages now. ",
    "Let me read about {name}. ",
    "There are several names that look alike. ",
    "The first passage is about {name}.\n",
    "",
)
READ = (
    "The passage on {name} says {d}. So the result is {d}.",
    "I read about {name}: {d}. Therefore the result is {d}.",
    "For {name} it is {d}, so the result is {d}.",
)
READ_AGAIN = (
    "The passage on {name} says {d}. Yes, the result is {d}.",
    "It is really {name}, not a similar name: {d}. The result is {d}.",
    "I read the question again: yes, the result is {d}.",
    "It looks right. The result is {d}.",
)
