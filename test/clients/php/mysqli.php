<?php
// SPDX-License-Identifier: Apache-2.0
require __DIR__ . '/loop.php';

mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);
error_reporting(E_ALL & ~E_WARNING);
serve(fn() => new mysqli($host, 'app', 'app', 'app', $port),
	// Where the connection is lost while it prepares, it returns false without an exception.
	fn($c) => $c->execute_query(SQL, ['mysqli']) ?: throw new Exception($c->error));
