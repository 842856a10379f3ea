"""The evaluation harness behind `flyball eval`: arms, questions with answers, exact graders, paired intervals."""
