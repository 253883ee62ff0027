"""Makes the sample election: the numbers, the sheets, the handwriting and the photos. All of it is invented."""
