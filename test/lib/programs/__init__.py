# SPDX-License-Identifier: Apache-2.0
"""Programs that are served: applications, guests, writers, and where they come from."""
