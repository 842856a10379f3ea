"""What the verifier is taught: Yes or No about passages of somebody's thinking."""
