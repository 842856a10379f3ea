"""What BATS is made of besides its loop: prompts, the verifier, the choice among answers, the context it keeps."""
