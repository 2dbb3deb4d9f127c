# SPDX-License-Identifier: Apache-2.0
"""Whole trials that several scenarios and measurements share."""
