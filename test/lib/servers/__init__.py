# SPDX-License-Identifier: Apache-2.0
"""Servers that stand in for those of others, real ones and made up."""
