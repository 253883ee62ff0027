"""Tests of what measures the reader."""
