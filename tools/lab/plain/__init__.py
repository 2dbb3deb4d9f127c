# SPDX-License-Identifier: Apache-2.0
"""Servers with nothing imitated, and the clusters of `lab up --topology` that are made of them."""
