"""The face of the house: it shows what `tabulate` computes and computes nothing itself.

``main.py`` is the frame around every page, ``screens/`` holds one file a page, ``text.py`` is where words and numbers get
their language, and ``locale/`` their translations.
"""
