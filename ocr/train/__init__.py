"""How the digit network is trained: synthetic cells and the training script. Nothing else imports this package."""
