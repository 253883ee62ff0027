"""The front door: the dashboard as an ASGI app, for ``uvicorn app:app``. `cotejo serve` starts it."""

from pathlib import Path

import streamlit as st

import dashboard

app = st.App(Path(dashboard.__file__).resolve().parent / "main.py")
