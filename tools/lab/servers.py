# SPDX-License-Identifier: Apache-2.0
"""The kinds of server that a lab may be of."""
from server_mariadb import MariaDB
from server_mysql import MySQL

KINDS = {"mariadb": MariaDB, "mysql": MySQL}
