"""Thin adapters over AWS that both architectures use."""
