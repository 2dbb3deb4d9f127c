# SPDX-License-Identifier: Apache-2.0
"""What scenarios and measurements share.

Python looks for modules beside the program, so test/scenarios and test/bench each have a link to
this folder: a program there says `from lib import tap`, started by the runner or by hand.
"""
