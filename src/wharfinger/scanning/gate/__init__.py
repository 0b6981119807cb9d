"""Whether an image may go on: the rules, what they come to, and the same in the words of other programs."""
