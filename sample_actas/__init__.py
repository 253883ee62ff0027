"""A small made-up election: photos, register, official count, truth. Synthetic; see README.md."""
